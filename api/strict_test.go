package api

import (
	"errors"
	"strings"
	"testing"
)

// TestDecodeIsStrict gives bodies that two readers may understand in two ways.
func TestDecodeIsStrict(t *testing.T) {
	type wire struct {
		Question   string         `json:"question"`
		TopK       int            `json:"top_k"`
		Attributes map[string]any `json:"attributes"`
		List       []wire         `json:"list"`
	}
	for _, c := range []struct{ name, body, says string }{
		{"plain", `{"question":"x","top_k":3}`, ""},
		{"names of attributes are anybody's", `{"attributes":{"Owner":"a","owner":"b"},"list":[{"question":"a"},{"question":"b"}]}`, ""},
		{"a name as a value", `{"question":"question","attributes":{"a":"a","b":["a","a"]}}`, ""},
		{"quotes and escapes", `{"question":"\"}{,\\","top_k":1}`, ""},
		{"twice", `{"question":"x","question":"y"}`, "byte 16 was given before"},
		{"twice by an escape", `{"question":"x","\u0071uestion":"y"}`, "was given before"},
		{"twice below", `{"question":"x","attributes":{"owner":"a","owner":"b"}}`, "was given before"},
		{"twice in a list", `{"list":[{"top_k":1,"top_k":2}]}`, "was given before"},
		{"another case", `{"Question":"x"}`, "lower case"},
		{"both cases", `{"question":"x","QUESTION":"y"}`, "lower case"},
		{"not UTF-8", "{\"question\":\"\xff\xfe\"}", "UTF-8"},
		{"not UTF-8 in a name", "{\"attributes\":{\"\xff\":1}}", "UTF-8"},
		{"a list", `[]`, "the body must be a JSON object"},
		{"text", `"x"`, "the body must be a JSON object"},
		{"nothing", `null`, "the body must be a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w wire
			err := decode([]byte(c.body), &w)
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, errMalformed) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("decoding: %v, want one that says %q", err, c.says)
			}
		})
	}
}

// FuzzStrict must end on any bytes, valid or not, without a panic.
func FuzzStrict(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"c"]}}`))
	f.Add([]byte(`{"a`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v map[string]any
		_ = decode(data, &v)
	})
}
