package client_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/client"
	"github.com/doorward/doorward/policy"
)

// A chatbot's round: retrieve, ask the model, filter what it says while it says it.
func Example() {
	service := httptest.NewServer(http.HandlerFunc(pretend))
	defer service.Close()
	_, key, _ := ed25519.GenerateKey(nil) // the backend's assertion key

	doorward, err := client.New(client.Config{
		URL: service.URL, Key: "dw_example",
		Assert: func(_ context.Context, user policy.Subject) (string, error) {
			user.Tenant, user.Authn.Backend = "acme", "chat"
			return auth.Mint(key, "doorward", user, time.Now(), time.Minute)
		},
	})
	if err != nil {
		panic(err)
	}
	ctx, user := context.Background(), policy.Subject{ID: "ann", Groups: []string{"staff"}}
	found, err := doorward.Retrieve(ctx, user, client.Question{Question: "When is the crane repaired?", Format: "messages"})
	if err != nil {
		panic(err)
	}
	answer, err := doorward.OutputStream(ctx, user, found.ContextID, os.Stdout)
	if err != nil {
		panic(err)
	}
	for _, delta := range []string{"On Tues", "days."} { // the model's deltas
		if _, err := io.WriteString(answer, delta); err != nil {
			break // Close says why
		}
	}
	err = answer.Close()
	fmt.Println("", answer.End().Action, err)
	// Output: On Tuesdays. pass <nil>
}

func pretend(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/retrieve" {
		io.WriteString(w, `{"context_id":"c1","passages":[]}`)
		return
	}
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, `{"delta":"On Tuesdays."}`+"\n"+`{"end":{"action":"pass","findings":[]}}`+"\n")
}
