// Package demo shows Doorward at work on a company that does not exist: it
// writes the company's documents with freshly planted secrets, ingests them,
// asks the same questions as four people over the HTTP API, and shows what each
// was given and what was kept back.
//
// Everything it shows really happened, with one exception that it names: unless
// a model is configured, the answers are scripted. It is for looking at, not a
// measurement; `doorward eval` measures.
package demo

import (
	"github.com/doorward/doorward/policy"
)

// Person is somebody who asks.
type Person struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Job       string   `json:"job"`
	Groups    []string `json:"groups"`
	Clearance int64    `json:"clearance"`
}

// People are four people from four corners of the company.
func People() []Person {
	return []Person{
		{"ingrid.solheim", "Ingrid Solheim", "firmware engineer", []string{"engineering", "kittiwake-diligence", "staff"}, 1},
		{"marcus.adeyemi", "Marcus Adeyemi", "finance analyst", []string{"finance", "staff"}, 2},
		{"priya.raman", "Priya Raman", "HR partner", []string{"hr", "managers", "staff"}, 2},
		{"jonas.weber", "Jonas Weber", "sales partner, not an employee", []string{"sales-partners"}, 0},
	}
}

// Subject is the person as policy knows them, coming through the demo's backend.
func (p Person) Subject() policy.Subject {
	return policy.Subject{ID: p.ID, Tenant: Tenant, Groups: p.Groups, Clearance: p.Clearance, Authn: policy.Authn{Backend: Backend, AMR: []string{"pwd", "mfa"}}}
}

// Questions are what everybody asks. Each can be answered from other documents
// by each of them.
func Questions() []string {
	return []string{
		"What happened in the Petrel battery incident, and what does it cost?",
		"What are the salary bands, and what do we pay an engineer?",
		"What is Project Kittiwake, and when is it announced?",
	}
}

// System is what the demo's chatbot tells its model.
const System = "You are the assistant of Larkfjord Instruments. Answer briefly."

// Names of the demo's tenant, source and backend.
const (
	Tenant  = "larkfjord"
	Source  = "larkfjord"
	Backend = "demo-chatbot"
)
