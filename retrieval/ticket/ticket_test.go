package ticket_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/ticket"
	"pgregory.net/rapid"
)

// gcm is a working sealer, as small as can be.
type gcm struct{ cipher.AEAD }

func newGCM(fill byte) gcm {
	key := make([]byte, 32)
	for i := range key {
		key[i] = fill
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm{aead}
}

func (g gcm) Seal(plain, ad []byte) ([]byte, error) {
	nonce := make([]byte, g.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return g.AEAD.Seal(nonce, nonce, plain, ad), nil
}

func (g gcm) Open(sealed, ad []byte) ([]byte, error) {
	if len(sealed) < g.NonceSize() {
		return nil, errors.New("short")
	}
	return g.AEAD.Open(nil, sealed[:g.NonceSize()], sealed[g.NonceSize():], ad)
}

// blind ignores associated data, as a broken sealer might.
type blind struct{ gcm }

func (b blind) Seal(plain, _ []byte) ([]byte, error)  { return b.gcm.Seal(plain, nil) }
func (b blind) Open(sealed, _ []byte) ([]byte, error) { return b.gcm.Open(sealed, nil) }

var issued = time.Unix(1_800_000_000, 0)

var alice = ticket.Bearer{Tenant: "acme", Backend: "helpdesk", Subject: "alice"}

func aTicket() ticket.Ticket {
	return ticket.Ticket{
		Bearer:  alice,
		Chunks:  []ticket.Chunk{{ID: "c1", Version: "v1"}, {ID: "c2", Version: "v7"}},
		Nonce:   "00112233445566778899aabbccddeeff",
		Canary:  "cn-5a5a5a5a",
		Issued:  issued.Unix(),
		Expires: issued.Add(10 * time.Minute).Unix(),
	}
}

func TestOnlyTheBearerOpensATicketAndOnlyInTime(t *testing.T) {
	s := newGCM(1)
	token, err := ticket.Seal(s, aTicket())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("token is not URL-safe")
	}
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	cases := []struct {
		name   string
		s      ticket.Sealer
		token  string
		bearer ticket.Bearer
		at     time.Time
		ok     bool
	}{
		{"bearer in time", s, token, alice, issued.Add(time.Minute), true},
		{"a clock slightly behind", s, token, alice, issued.Add(-30 * time.Second), true},
		{"at expiry", s, token, alice, issued.Add(10 * time.Minute), false},
		{"long before", s, token, alice, issued.Add(-time.Hour), false},
		{"other user", s, token, ticket.Bearer{Tenant: "acme", Backend: "helpdesk", Subject: "bob"}, issued, false},
		{"other backend", s, token, ticket.Bearer{Tenant: "acme", Backend: "sales", Subject: "alice"}, issued, false},
		{"other tenant", s, token, ticket.Bearer{Tenant: "globex", Backend: "helpdesk", Subject: "alice"}, issued, false},
		{"shifted borders", s, token, ticket.Bearer{Tenant: "acmeh", Backend: "elpdesk", Subject: "alice"}, issued, false},
		{"nobody", s, token, ticket.Bearer{}, issued, false},
		{"other key", newGCM(2), token, alice, issued, false},
		{"altered", s, string(flipped), alice, issued, false},
		{"cut", s, token[:len(token)-4], alice, issued, false},
		{"empty", s, "", alice, issued, false},
		{"not base64", s, "%%%", alice, issued, false},
		{"huge", s, strings.Repeat("A", 1<<20), alice, issued, false},
	}
	for _, c := range cases {
		got, err := ticket.Open(c.s, c.token, c.bearer, c.at)
		if c.ok && (err != nil || got.Canary != "cn-5a5a5a5a" || len(got.Chunks) != 2) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok && (err != ticket.ErrInvalid || got.Canary != "") {
			t.Errorf("%s: got %v, want exactly ErrInvalid and an empty ticket", c.name, err)
		}
	}
}

func TestASealerThatIgnoresAssociatedDataDoesNotShareTickets(t *testing.T) {
	s := blind{newGCM(3)}
	token, err := ticket.Seal(s, aTicket())
	if err != nil {
		t.Fatal(err)
	}
	mallory := alice
	mallory.Subject = "mallory"
	if _, err := ticket.Open(s, token, mallory, issued); err != ticket.ErrInvalid {
		t.Fatalf("opened for another user: %v", err)
	}
}

func TestTicketsThatMustNotBeMade(t *testing.T) {
	for name, change := range map[string]func(*ticket.Ticket){
		"no subject": func(k *ticket.Ticket) { k.Subject = "" },
		"no tenant":  func(k *ticket.Ticket) { k.Tenant = "" },
		"no backend": func(k *ticket.Ticket) { k.Backend = "" },
		"too long":   func(k *ticket.Ticket) { k.Expires = k.Issued + 901 },
		"backwards":  func(k *ticket.Ticket) { k.Expires = k.Issued },
		"no times":   func(k *ticket.Ticket) { k.Issued, k.Expires = 0, 0 },
	} {
		k := aTicket()
		change(&k)
		if _, err := ticket.Seal(newGCM(1), k); !errors.Is(err, ticket.ErrUnsealable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoAlteredTicketOpens(t *testing.T) {
	s := newGCM(4)
	token, err := ticket.Seal(s, aTicket())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(token)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		if b[i] == c {
			t.Skip()
		}
		b[i] = c
		if _, err := ticket.Open(s, string(b), alice, issued); err != ticket.ErrInvalid {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	})
}

func Example() {
	sealer := newGCM(9) // in production: the tenant's wrapper of policy/keys
	now := time.Unix(1_800_000_000, 0)
	who := ticket.Bearer{Tenant: "acme", Backend: "helpdesk", Subject: "alice"}

	id, _ := ticket.Seal(sealer, ticket.Ticket{
		Bearer:  who,
		Chunks:  []ticket.Chunk{{ID: "c1", Version: "v3"}},
		Issued:  now.Unix(),
		Expires: now.Add(ticket.MaxLife).Unix(),
	})
	back, err := ticket.Open(sealer, id, who, now.Add(time.Minute))
	fmt.Println(back.Chunks[0].ID, err)

	who.Subject = "bob"
	_, err = ticket.Open(sealer, id, who, now.Add(time.Minute))
	fmt.Println(err)
	// Output:
	// c1 <nil>
	// ticket is not valid here
}
