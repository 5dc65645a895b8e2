package demo

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys/local"
)

// StageConfig says where a demo takes place.
type StageConfig struct {
	// Data is the data directory; keys, documents and configuration are put
	// beside it, as Data.keys, Data.corpus and Data.yaml. Required.
	Data string
	// Listen is the public address; empty is 127.0.0.1:8080.
	Listen string
	// Destination names where passages go when a hosted model is asked; empty is
	// "internal".
	Destination string
}

// Stage is a demo ready to run: documents written, keys made, a backend
// registered, nothing ingested.
type Stage struct {
	Config     *configs.Config
	ConfigFile string
	Corpus     string // folder of the documents
	Key        string // the backend's, for "Authorization: Bearer"
	Assertion  ed25519.PrivateKey
	// Destination is where passages go.
	Destination string

	planted *planter
}

// ErrNotDemo means the data directory holds something no demo made.
var ErrNotDemo = errors.New("not a demo's data")

// NewStage clears away what an earlier demo left at the same place and sets up
// a new one. Data that no demo made, or that is in use, is left alone.
func NewStage(c StageConfig) (*Stage, error) {
	data, err := filepath.Abs(c.Data)
	if err != nil || c.Data == "" {
		return nil, fmt.Errorf("setting up the demo: no data directory named")
	}
	s := &Stage{ConfigFile: data + ".yaml", Corpus: data + ".corpus", Destination: c.Destination}
	if s.Destination == "" {
		s.Destination = "internal"
	}
	keys := data + ".keys"
	if err := clearAway(data, keys, s.Corpus, s.ConfigFile); err != nil {
		return nil, fmt.Errorf("setting up the demo: %w", err)
	}
	if s.planted, err = write(s.Corpus, time.Now()); err != nil {
		return nil, err
	}
	if err := local.Create(keys, true); err != nil {
		return nil, fmt.Errorf("setting up the demo: %w", err)
	}
	if s.Config, err = config(s.ConfigFile, data, c.Listen); err != nil {
		return nil, err
	}
	return s, s.register(keys)
}

// clearAway removes an earlier demo. The demo's keys are the sign that it was one.
func clearAway(data, keys, corpus, config string) error {
	if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 && !local.IsDemo(keys) {
		return fmt.Errorf("%w: %s; name another place with --data", ErrNotDemo, data)
	}
	if _, err := os.Stat(keys); err == nil && !local.IsDemo(keys) {
		return fmt.Errorf("%w: %s holds keys that are not a demo's; name another place with --data", ErrNotDemo, keys)
	}
	if !local.IsDemo(keys) {
		if _, err := os.Stat(corpus); err == nil {
			return fmt.Errorf("%w: %s exists already; name another place with --data", ErrNotDemo, corpus)
		}
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(data, "LOCK"), os.O_RDWR, 0)
	if err == nil {
		defer lock.Close()
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return fmt.Errorf("%w: %s; a demo is still serving, stop it first", catalog.ErrLocked, data)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Keys last: if this is cut short, what is left still counts as a demo's.
	for _, path := range []string{data, corpus, config, keys} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("clearing away the last demo: %w", err)
		}
	}
	return nil
}

// config names the places in the demo's configuration and writes it, so that
// the other commands can be tried on the demo's data.
func config(file, data, listen string) (*configs.Config, error) {
	raw, err := configs.Demo.ReadFile("demo/demo.yaml")
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(string(raw), `"./data-demo`, strings.TrimSuffix(strconv.Quote("./"+filepath.Base(data)), `"`))
	if listen != "" {
		text = strings.Replace(text, `"127.0.0.1:8080"`, strconv.Quote(listen), 1)
	}
	if err := put(file, []byte(text)); err != nil {
		return nil, fmt.Errorf("writing the demo's configuration: %w", err)
	}
	return configs.Load(file)
}

// register makes the backend that asks on people's behalf. Its assertion key is
// kept where `doorward keys assert` looks for it.
func (s *Stage) register(keys string) error {
	backends, err := auth.OpenBackends(keys)
	if err != nil {
		return err
	}
	destinations := []string{"internal"}
	if s.Destination != "internal" {
		destinations = append(destinations, s.Destination)
	}
	made, err := backends.Add(auth.Backend{ID: Backend, Tenant: Tenant, Destinations: destinations, Created: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("registering the demo's backend: %w", err)
	}
	s.Key, s.Assertion = made.Key, made.Assertion
	der, err := x509.MarshalPKCS8PrivateKey(made.Assertion)
	if err != nil {
		return fmt.Errorf("registering the demo's backend: %w", err)
	}
	return put(filepath.Join(keys, "assertion-"+Backend+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
