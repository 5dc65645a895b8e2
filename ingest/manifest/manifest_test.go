package manifest

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var now = time.Unix(1_700_000_000, 0)

func key(b byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = b
	return ed25519.NewKeyFromSeed(seed)
}

func trust(keys ...ed25519.PrivateKey) Trust {
	t := Trust{Required: true, Keys: map[string]ed25519.PublicKey{}}
	for _, k := range keys {
		p := k.Public().(ed25519.PublicKey)
		t.Keys[KeyID(p)] = p
	}
	return t
}

func delivery(t testing.TB, sequence int64, k ed25519.PrivateKey) Delivery {
	t.Helper()
	d := Delivery{Tenant: "acme", Source: "wiki", Document: "d1", Content: []byte("bytes"), Attributes: map[string]any{"groups": []any{"eng"}}}
	attributes, err := HashAttributes(d.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Sign(Manifest{Tenant: "acme", Source: "wiki", Document: "d1", Content: HashContent(d.Content), Attributes: attributes, Sequence: sequence, Time: now.Unix()}, k)
	if err != nil {
		t.Fatal(err)
	}
	if d.Manifest, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCheck(t *testing.T) {
	good := delivery(t, 3, key(1))
	signed, err := Parse(good.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	id := signed.ID()
	cases := map[string]struct {
		change func(*Delivery)
		trust  Trust
		last   Seen
		want   error
	}{
		"first":             {want: nil},
		"a higher number":   {last: Seen{Sequence: 2, ID: "x"}},
		"the same again":    {last: Seen{Sequence: 3, ID: id}},
		"the same, removed": {last: Seen{Sequence: 3, ID: id, Gone: true}, want: ErrReplayed},
		"the number used":   {last: Seen{Sequence: 3, ID: "x"}, want: ErrReplayed},
		"older":             {last: Seen{Sequence: 4, ID: "x"}, want: ErrRolledBack},
		"none":              {change: func(d *Delivery) { d.Manifest = nil }, want: ErrMissing},
		"another's key":     {trust: trust(key(2)), want: ErrUnknownKey},
		"other bytes":       {change: func(d *Delivery) { d.Content = []byte("other") }, want: ErrMismatch},
		"other attributes":  {change: func(d *Delivery) { d.Attributes = map[string]any{"groups": []any{"all"}} }, want: ErrMismatch},
		"no attributes":     {change: func(d *Delivery) { d.Attributes = nil }, want: ErrMismatch},
		"other document":    {change: func(d *Delivery) { d.Document = "d2" }, want: ErrMismatch},
		"other tenant":      {change: func(d *Delivery) { d.Tenant = "globex" }, want: ErrMismatch},
		"other source":      {change: func(d *Delivery) { d.Source = "mail" }, want: ErrMismatch},
		"not JSON":          {change: func(d *Delivery) { d.Manifest = []byte("no") }, want: ErrMalformed},
		"a field more":      {change: func(d *Delivery) { d.Manifest = append([]byte(`{"x":1,`), d.Manifest[1:]...) }, want: ErrMalformed},
		"a field twice":     {change: func(d *Delivery) { d.Manifest = append([]byte(`{"tenant":"evil",`), d.Manifest[1:]...) }, want: ErrMalformed},
		"a number raised": {change: func(d *Delivery) {
			d.Manifest = []byte(strings.Replace(string(d.Manifest), `"sequence":3`, `"sequence":9`, 1))
		}, want: ErrSignature},
		"no keys but required":  {trust: Trust{Required: true}, want: ErrUnknownKey},
		"ignored without keys":  {trust: Trust{}, change: func(d *Delivery) { d.Manifest = []byte("no") }},
		"unsigned after signed": {trust: Trust{Keys: trust(key(1)).Keys}, last: Seen{Sequence: 3, ID: id}, change: func(d *Delivery) { d.Manifest = nil }, want: ErrMissing},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := good
			if c.change != nil {
				c.change(&d)
			}
			by := c.trust
			if !by.Required && by.Keys == nil && name != "ignored without keys" {
				by = trust(key(1))
			}
			if _, err := by.Check(d, c.last, now); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestFromTheFuture(t *testing.T) {
	if _, err := trust(key(1)).Check(delivery(t, 1, key(1)), Seen{}, now.Add(-time.Hour)); !errors.Is(err, ErrTime) {
		t.Errorf("got %v", err)
	}
}

// Any change of any byte of the manifest is refused.
func TestAnyChangeIsRefused(t *testing.T) {
	good, by := delivery(t, 7, key(1)), trust(key(1))
	rapid.Check(t, func(t *rapid.T) {
		d := good
		d.Manifest = append([]byte(nil), good.Manifest...)
		at := rapid.IntRange(0, len(d.Manifest)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		if d.Manifest[at] == b {
			return
		}
		d.Manifest[at] = b
		s, err := by.Check(d, Seen{}, now)
		if err == nil && s != mustParse(good.Manifest) {
			t.Fatalf("byte %d changed and accepted", at)
		}
	})
}

func mustParse(data []byte) Signed {
	s, err := Parse(data)
	if err != nil {
		panic(err)
	}
	return s
}

func FuzzParse(f *testing.F) {
	f.Add(delivery(f, 1, key(1)).Manifest)
	f.Add([]byte(`{"tenant":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("error without a class: %v", err)
		}
		if err == nil && s.Verify(nil) == nil {
			t.Fatal("verified with no keys")
		}
	})
}
