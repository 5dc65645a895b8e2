package demo

import (
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize/output"
)

// Result is everything the demo shows, for --json.
type Result struct {
	Documents []Document          `json:"documents"`
	Seconds   float64             `json:"ingest_seconds"`
	Planted   map[string]int      `json:"planted"` // kind → number
	Proof     Proof               `json:"proof"`
	People    []Person            `json:"people"`
	MayRead   map[string][]string `json:"may_read"` // person → documents
	Questions []string            `json:"questions"`
	// Nobody's counts, by question, the documents that the search finds without a
	// policy and none of the people may read.
	Nobodys []int    `json:"nobodys"`
	Answers []Answer `json:"answers"`
	Model   string   `json:"model"` // "scripted", or the model's name
}

// Document is what became of a document.
type Document struct {
	ID         string         `json:"id"`
	Department string         `json:"department"`
	Format     string         `json:"format"`
	Outcome    ingest.Outcome `json:"outcome"`
	Chunks     int            `json:"chunks,omitempty"`
	Reasons    []string       `json:"reasons,omitempty"`
	Why        string         `json:"why,omitempty"` // what the demo did to it
	Findings   map[string]int `json:"findings,omitempty"`
	Kinds      map[string]int `json:"kinds,omitempty"`
	Removed    int            `json:"removed,omitempty"`
}

// Answer is one question asked by one person.
type Answer struct {
	Person    string           `json:"person"`
	Question  string           `json:"question"`
	Documents []string         `json:"documents"` // passages are from these
	Withheld  int              `json:"withheld"`  // documents the same search finds without a policy and this person may not read
	Stripped  map[string]int   `json:"stripped"`  // rule → spans taken out of these passages
	Messages  []prompt.Message `json:"messages"`
	Usage     api.Usage        `json:"usage"`
	Misbehave string           `json:"misbehaviour,omitempty"` // what the script tried
	Text      string           `json:"text"`                   // after the output filter
	Action    string           `json:"action"`
	Filtered  []output.Count   `json:"filtered"`
}

// Proof is a search of every file under the data directory.
type Proof struct {
	Files    int   `json:"files"`
	Bytes    int64 `json:"bytes"`
	Searched int   `json:"searched"` // strings looked for
	Found    int   `json:"found"`
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
