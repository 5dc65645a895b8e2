package output_test

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

func Example() {
	// In production: the scanners of sanitize/secret, sanitize/pii and
	// retrieval/prompt, and the links of sanitize/egress.
	filter, _ := output.New(output.Config{Scanners: []sanitize.Streamer{secrets, mails}, Links: links})

	answer := output.Answer{
		Actions: sanitize.ParseActions(map[string]string{"secret": "withhold", "pii": "redact", "canary": "stop", "*": "withhold"}),
		Canary:  "5b1f-77aa-90c2",
	}
	stream, _ := filter.NewStream(context.Background(), answer)
	for _, delta := range []string{"Write to ada@exa", "mple.org, the key is tok-12", "345678. ", "And the mark 5B1F 77", "AA 90C2 stands there."} {
		released, err := stream.Write(delta)
		fmt.Printf("%q %v\n", released, err)
	}
	tail, end := stream.Close()
	fmt.Printf("%q %s %v\n", tail, end.Action, end.Findings)
	// Output:
	// "Write to " <nil>
	// "[EMAIL_1], the key is " <nil>
	// "‹withheld›. " <nil>
	// "And the mark " <nil>
	// "" the answer was stopped by policy
	// "" hold [{canary 1}]
}

// An output filter is shared by all answers.
func ExampleFilter_Whole() {
	filter, _ := output.New(output.Config{Scanners: []sanitize.Streamer{secrets}, Links: links})
	r, err := filter.Whole(context.Background(), output.Answer{}, "Without a ticket the first match ends it: tok-12345678 !")
	fmt.Println(r.Text, r.Action, err)
	// Output: Without a ticket the first match ends it:  hold <nil>
}
