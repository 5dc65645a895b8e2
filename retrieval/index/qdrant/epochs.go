package qdrant

import (
	"context"
	"encoding/base64"
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
	old, err := x.readStatistics(ctx, tenant, nil)
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
	st := tally.Statistics(old.Epoch + 1)
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
		p := reserved(statisticsID(tenant, st.Epoch, n), map[string]any{dataKey: base64.StdEncoding.EncodeToString(part)})
		if err := x.upsert(ctx, reservedTenant, []*pb.PointStruct{p}); err != nil {
			return err
		}
		n++
	}
	head := reserved(statisticsID(tenant, 0, 0), map[string]any{epochKey: int64(st.Epoch), partsKey: int64(n)})
	return x.upsert(ctx, reservedTenant, []*pb.PointStruct{head})
}

func reserved(id string, payload map[string]any) *pb.PointStruct {
	payload[tenantKey] = reservedTenant
	return &pb.PointStruct{Id: pb.NewID(id), Payload: pb.NewValueMap(payload), Vectors: pb.NewVectorsMap(map[string]*pb.Vector{})}
}

func statisticsID(tenant string, epoch uint64, part int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "doorward epochs %q %d %d", tenant, epoch, part)).String()
}

// readStatistics reads the head, and the parts unless known is of its epoch.
func (x *Index) readStatistics(ctx context.Context, tenant string, known *embed.Statistics) (*embed.Statistics, error) {
	head, err := x.retrieve(ctx, []string{statisticsID(tenant, 0, 0)})
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return &embed.Statistics{}, nil
	}
	epoch, n := uint64(head[0].Payload[epochKey].GetIntegerValue()), int(head[0].Payload[partsKey].GetIntegerValue())
	if known != nil && known.Epoch == epoch {
		return known, nil
	}
	var b []byte
	for i := range n {
		part, err := x.retrieve(ctx, []string{statisticsID(tenant, epoch, i)})
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			return nil, fmt.Errorf("reading statistics: %w: a part is missing; declare a new epoch", embed.ErrStatistics)
		}
		raw, err := base64.StdEncoding.DecodeString(part[0].Payload[dataKey].GetStringValue())
		if err != nil {
			return nil, fmt.Errorf("reading statistics: %w: a part is damaged; declare a new epoch", embed.ErrStatistics)
		}
		b = append(b, raw...)
	}
	st := &embed.Statistics{}
	if err := st.UnmarshalBinary(b); err != nil {
		return nil, fmt.Errorf("reading statistics: %w", err)
	}
	return st, nil
}

func (x *Index) retrieve(ctx context.Context, ids []string) (found []*pb.RetrievedPoint, err error) {
	var want []*pb.PointId
	for _, id := range ids {
		want = append(want, pb.NewID(id))
	}
	consistency, _ := x.cfg.consistency()
	err = x.reads.do(ctx, "reading statistics", func(ctx context.Context) (err error) {
		found, err = x.conn.Get(ctx, &pb.GetPoints{CollectionName: x.cfg.Collection, Ids: want, WithPayload: pb.NewWithPayload(true), ReadConsistency: consistency})
		return err
	})
	return found, err
}
