// Package qdrant is the index at scale: a Qdrant cluster with sparse vectors for
// keyed terms, dense ones for embeddings, and a payload index for every policy
// attribute. It stores ids, attributes and receipt hashes, no text.
//
// All tenants share a collection, kept apart by an indexed tenant condition that
// every call carries. Once the collection is made (see [Create]), a token with
// access "prw" to it is enough, and better than "rw", which may take snapshots.
//
// It does not make vectors, decide who may see what, or trust what comes back:
// the catalog is asked about every hit.
package qdrant

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Config connects to a collection.
type Config struct {
	// Address is host:port of the gRPC API; port 6334 when left out.
	Address string
	// Collection is a collection's or an alias's name.
	Collection string
	// Schema of document attributes; each gets a payload index.
	Schema policy.Schema
	// Pins is what the collection is made with; opening one made otherwise fails
	// with index.ErrMismatch. Nil takes over what the collection says.
	Pins *index.Pins
	// APIKey is sent with every call. Without TLS it is refused except to a
	// loopback address.
	APIKey string
	// TLS, when not nil, encrypts the connection.
	TLS *tls.Config
	// Timeout of a call with all its repetitions, where the caller's context sets
	// none shorter. 0: 5 s.
	Timeout time.Duration
	// WriteTimeout is the same for changes, which wait until they are applied on
	// all replicas. 0: 30 s.
	WriteTimeout time.Duration
	// Attempts per call. 0: 3.
	Attempts int
	// Consistency of reads on a replicated collection: "majority", "quorum",
	// "all", or a number of replicas; "" reads from any one.
	Consistency string
	// Exact searches every selected vector instead of the HNSW graph. Terms are
	// always searched exactly.
	Exact bool
	// Fusion joins term and vector rankings.
	Fusion index.Fusion
	// ServerFusion lets Qdrant fuse (Query API, RRF with weights): one list of
	// hits travels instead of two, but it breaks ties at random, so that equal
	// searches need not give equal answers.
	ServerFusion bool
	// Layout of a collection made by Create.
	Layout Layout
	// Log gets warnings; nil discards them.
	Log *slog.Logger
}

// MinimumVersion is the oldest server this package works with: conditional
// upserts and weighted fusion came with it.
const MinimumVersion = "1.17.0"

// ErrVersion means the server is older than [MinimumVersion].
var ErrVersion = errors.New("the Qdrant server is too old")

// Index implements index.Reader, Writer, Scroller and Epochs. It is safe for
// concurrent use.
type Index struct {
	cfg   Config
	pins  index.Pins
	conn  *pb.Client
	reads caller
	write caller

	mu         sync.Mutex
	statistics map[string]cached
}

// Open connects, checks the server's version, and checks that the collection was
// made for this configuration: pins, vectors and payload indexes.
func Open(ctx context.Context, cfg Config) (*Index, error) {
	x, err := connect(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening Qdrant index: %w", err)
	}
	if err := x.check(ctx); err != nil {
		x.Close()
		return nil, fmt.Errorf("opening Qdrant index: %w", err)
	}
	return x, nil
}

func connect(cfg Config) (*Index, error) {
	host, port, err := cfg.hostPort()
	if err != nil {
		return nil, err
	}
	if cfg.Collection == "" {
		return nil, errors.New("no collection configured")
	}
	if cfg.APIKey != "" && cfg.TLS == nil && !loopback(host) {
		return nil, errors.New("an API key would be sent unencrypted: configure TLS")
	}
	if _, err := cfg.consistency(); err != nil {
		return nil, err
	}
	cfg.Fusion = cfg.Fusion.WithDefaults()
	defaultTo(&cfg.Timeout, 5*time.Second)
	defaultTo(&cfg.WriteTimeout, 30*time.Second)
	defaultTo(&cfg.Attempts, 3)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	options := []grpc.DialOption{
		// gRPC's own default waits up to two minutes before it dials again.
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}
	conn, err := pb.NewClient(&pb.Config{
		Host: host, Port: port, APIKey: cfg.APIKey, UseTLS: cfg.TLS != nil, TLSConfig: cfg.TLS,
		SkipCompatibilityCheck: true, GrpcOptions: options, KeepAliveTime: 10, KeepAliveTimeout: 2,
	})
	if err != nil {
		return nil, err
	}
	return &Index{
		cfg: cfg, conn: conn, statistics: map[string]cached{},
		reads: caller{timeout: cfg.Timeout, attempts: cfg.Attempts},
		write: caller{timeout: cfg.WriteTimeout, attempts: cfg.Attempts},
	}, nil
}

// maxMessage bounds an answer: a page of 256 points with 16,384 terms each is
// below it.
const maxMessage = 64 << 20

func defaultTo[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

func (c *Config) hostPort() (string, int, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		host, port = c.Address, "6334"
	}
	n, err := strconv.Atoi(port)
	if host == "" || err != nil {
		return "", 0, errors.New("address is not host:port")
	}
	return host, n, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Config) consistency() (*pb.ReadConsistency, error) {
	switch c.Consistency {
	case "":
		return nil, nil
	case "majority":
		return pb.NewReadConsistencyType(pb.ReadConsistencyType_Majority), nil
	case "quorum":
		return pb.NewReadConsistencyType(pb.ReadConsistencyType_Quorum), nil
	case "all":
		return pb.NewReadConsistencyType(pb.ReadConsistencyType_All), nil
	}
	n, err := strconv.ParseUint(c.Consistency, 10, 8)
	if err != nil || n == 0 {
		return nil, errors.New(`read consistency must be "majority", "quorum", "all" or a number of replicas`)
	}
	return pb.NewReadConsistencyFactor(n), nil
}

// Close ends the connections.
func (x *Index) Close() error { return x.conn.Close() }

// Pins returns what the collection was made with.
func (x *Index) Pins() index.Pins { return x.pins }

// Health reports whether the server answers and serves the collection.
func (x *Index) Health(ctx context.Context) error {
	return x.reads.do(ctx, "checking Qdrant", func(ctx context.Context) error {
		_, err := x.conn.Count(ctx, &pb.CountPoints{CollectionName: x.cfg.Collection, Filter: &pb.Filter{Must: []*pb.Condition{ofTenant("\x00health")}}, Exact: pb.PtrOf(false)})
		return err
	})
}

func (x *Index) checkVersion(ctx context.Context) error {
	var version string
	err := x.reads.do(ctx, "asking Qdrant's version", func(ctx context.Context) error {
		r, err := x.conn.HealthCheck(ctx)
		version = r.GetVersion()
		return err
	})
	if err != nil {
		return err
	}
	if older(version, MinimumVersion) {
		return fmt.Errorf("%w: it is %q, at least %s is needed", ErrVersion, version, MinimumVersion)
	}
	return nil
}

// older compares versions by their three numbers; what cannot be read is older.
func older(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

func numbers(v string) (out [3]int) {
	v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "-")
	for i, part := range strings.SplitN(v, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return [3]int{}
		}
		out[i] = n
	}
	return out
}
