// Package receipt is the signed manifest of a document version: what was
// scanned, under which revisions, with which verdict, and the hash of every
// chunk that resulted. A chunk that the catalog's current receipt does not
// cover is never released.
package receipt

// Receipt is the manifest. Hashes are hex SHA-256.
type Receipt struct {
	Tenant     string  `json:"tenant"`
	Document   string  `json:"document"`
	Version    string  `json:"version"`
	Attributes string  `json:"attributes"` // hash of the canonical attributes
	Scanner    string  `json:"scanner"`    // revision of rules and model
	Policy     string  `json:"policy"`     // revision hash of the ingest policy
	Verdict    string  `json:"verdict"`
	Chunks     []Chunk `json:"chunks"`
	Issued     int64   `json:"issued"` // epoch seconds
	KeyID      string  `json:"key_id"`
}

// Chunk binds one chunk's stored text and terms.
type Chunk struct {
	ID    string `json:"id"`
	Text  string `json:"text"`  // hash
	Terms string `json:"terms"` // hash
}

// Signed is a receipt with its signature over the canonical encoding.
type Signed struct {
	Receipt
	Signature []byte `json:"signature"`
}
