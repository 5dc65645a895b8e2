package qdrant

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Statistics lie in the collection itself, as points of a reserved tenant that no
// call can name: a head that says which epoch is in force, and the encoded
// snapshot in parts. A token that may only write points is enough that way.
const (
	reservedTenant = "\x00epochs"
	partBytes      = 512 << 10
	epochKey       = "epoch"
	partsKey       = "parts"
	dataKey        = "data"
	headVersion    = "head"
)

// statisticsFresh is how long a head is trusted before it is read again, and so
// how long replicas of Doorward may differ after an epoch was declared.
const statisticsFresh = 15 * time.Second

type cached struct {
	statistics *embed.Statistics
	read       time.Time
}

// Statistics returns the tenant's term statistics in force, at most 15 s old.
func (x *Index) Statistics(ctx context.Context, tenant string) (*embed.Statistics, error) {
	if tenant == "" {
		return nil, fmt.Errorf("reading statistics: %w", index.ErrNoTenant)
	}
	x.mu.Lock()
	c, ok := x.statistics[tenant]
	x.mu.Unlock()
	if ok && time.Since(c.read) < statisticsFresh {
		return c.statistics, nil
	}
	st, err := x.readStatistics(ctx, tenant, c.statistics)
	if err != nil {
		return nil, err
	}
	x.keep(tenant, st)
	return st, nil
}

func (x *Index) keep(tenant string, st *embed.Statistics) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.statistics[tenant] = cached{st, time.Now()}
}

// DeclareEpoch scrolls over the tenant's terms, counts them, stores the snapshot
// and then the head that puts it in force. Two at once may count twice; the
// later one stands.
func (x *Index) DeclareEpoch(ctx context.Context, tenant string) (*embed.Statistics, error) {
	if tenant == "" {
		return nil, fmt.Errorf("declaring an epoch: %w", index.ErrNoTenant)
	}
	head, err := x.retrieve(ctx, statisticsID(tenant, 0, 0))
	if err != nil {
		return nil, err
	}
	tally := embed.NewTally(x.pins.Analysis)
	err = x.scroll(ctx, tenant, pb.NewWithPayload(false), pb.NewWithVectorsInclude(termsVector), func(c index.Chunk) error {
		tally.Add(c.Terms)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("declaring an epoch: %w", err)
	}
	st := tally.Statistics(uint64(head[epochKey].GetIntegerValue()) + 1)
	if err := x.writeStatistics(ctx, tenant, st); err != nil {
		return nil, fmt.Errorf("declaring an epoch: %w", err)
	}
	x.keep(tenant, st)
	return st, nil
}

func (x *Index) writeStatistics(ctx context.Context, tenant string, st *embed.Statistics) error {
	b, err := st.MarshalBinary()
	if err != nil {
		return err
	}
	n := 0
	for part := range slices.Chunk(b, partBytes) {
		p := reserved(tenant, fmt.Sprint(st.Epoch), statisticsID(tenant, st.Epoch, n), map[string]any{dataKey: base64.StdEncoding.EncodeToString(part)})
		if err := x.upsert(ctx, reservedTenant, []*pb.PointStruct{p}); err != nil {
			return err
		}
		n++
	}
	head := reserved(tenant, headVersion, statisticsID(tenant, 0, 0), map[string]any{epochKey: int64(st.Epoch), partsKey: int64(n)})
	if err := x.upsert(ctx, reservedTenant, []*pb.PointStruct{head}); err != nil {
		return err
	}
	return x.forget(ctx, tenant, st.Epoch)
}

// forget removes the parts of other epochs than the one in force.
func (x *Index) forget(ctx context.Context, tenant string, epoch uint64) error {
	f, err := ofDocument(reservedTenant, tenant)
	if err != nil {
		return err
	}
	for _, keep := range []string{headVersion, fmt.Sprint(epoch)} {
		f.MustNot = append(f.MustNot, match(versionKey, &pb.Match{MatchValue: &pb.Match_Keyword{Keyword: keep}}))
	}
	if err := gate(f, reservedTenant); err != nil {
		return err
	}
	return x.write.do(ctx, "removing old statistics", func(ctx context.Context) error {
		return applied(x.conn.Delete(ctx, &pb.DeletePoints{CollectionName: x.cfg.Collection, Wait: pb.PtrOf(true),
			Points: pb.NewPointsSelectorFilter(f), Ordering: strong()}))
	})
}

// reserved makes a point that belongs to a tenant's statistics; its document is
// the tenant, its version the epoch.
func reserved(tenant, version, id string, payload map[string]any) *pb.PointStruct {
	payload[tenantKey], payload[documentKey], payload[versionKey] = reservedTenant, tenant, version
	return &pb.PointStruct{Id: pb.NewID(id), Payload: pb.NewValueMap(payload), Vectors: pb.NewVectorsMap(map[string]*pb.Vector{})}
}

func statisticsID(tenant string, epoch uint64, part int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "doorward epochs %q %d %d", tenant, epoch, part)).String()
}

// readStatistics reads the head, and the parts unless known is of its epoch. A
// part may be gone because a new epoch was declared meanwhile; then the head is
// read again.
func (x *Index) readStatistics(ctx context.Context, tenant string, known *embed.Statistics) (st *embed.Statistics, err error) {
	for range 3 {
		if st, err = x.tryStatistics(ctx, tenant, known); !errors.Is(err, embed.ErrStatistics) {
			return st, err
		}
	}
	return nil, fmt.Errorf("reading statistics: %w; declare a new epoch", err)
}

func (x *Index) tryStatistics(ctx context.Context, tenant string, known *embed.Statistics) (*embed.Statistics, error) {
	head, err := x.retrieve(ctx, statisticsID(tenant, 0, 0))
	if err != nil {
		return nil, err
	}
	if head == nil {
		return &embed.Statistics{}, nil
	}
	epoch, n := uint64(head[epochKey].GetIntegerValue()), int(head[partsKey].GetIntegerValue())
	if known != nil && known.Epoch == epoch {
		return known, nil
	}
	var b []byte
	for i := range n {
		part, err := x.retrieve(ctx, statisticsID(tenant, epoch, i))
		if err != nil {
			return nil, err
		}
		raw, err := base64.StdEncoding.DecodeString(part[dataKey].GetStringValue())
		if err != nil || part == nil {
			return nil, fmt.Errorf("%w: a part is missing or damaged", embed.ErrStatistics)
		}
		b = append(b, raw...)
	}
	st := &embed.Statistics{}
	return st, st.UnmarshalBinary(b)
}

// retrieve returns a point's payload, nil when there is none.
func (x *Index) retrieve(ctx context.Context, id string) (payload map[string]*pb.Value, err error) {
	consistency, _ := x.cfg.consistency()
	err = x.reads.do(ctx, "reading statistics", func(ctx context.Context) error {
		found, err := x.conn.Get(ctx, &pb.GetPoints{CollectionName: x.cfg.Collection, Ids: []*pb.PointId{pb.NewID(id)},
			WithPayload: pb.NewWithPayload(true), ReadConsistency: consistency})
		if len(found) == 1 {
			payload = found[0].GetPayload()
		}
		return err
	})
	return payload, err
}
