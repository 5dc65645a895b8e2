package qdrant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Payload keys and vector names.
const (
	tenantKey     = "tenant"
	documentKey   = "document"
	versionKey    = "version"
	ordinalKey    = "ordinal"
	receiptKey    = "receipt"
	attributesKey = "a"
	countsKey     = "n" // number of elements of each set and list
	termsVector   = "terms"
	denseVector   = "dense"
)

// Layout is how a collection is stored. Its zero value suits a single node with
// everything in memory.
type Layout struct {
	Shards           uint32 // 0: Qdrant's default, one per node
	Replicas         uint32 // 0: 1
	WriteConsistency uint32 // replicas that must have a change before it is acknowledged; 0: a majority of Replicas
	VectorsOnDisk    bool   // dense vectors are mapped from disk
	TermsOnDisk      bool   // the inverted index of terms is mapped from disk
	PayloadOnDisk    bool   // payload is read from disk, its indexes stay in memory
	Quantization     string // of dense vectors: "", "scalar" (int8) or "binary"
	// SharedGraph builds one HNSW graph over all tenants; by default each tenant
	// has its own, which suits searches that always name one.
	SharedGraph bool
	// Unindexed leaves all payload indexes out but the tenant's, without which
	// tenants cannot be listed; for tests of their being equivalent.
	Unindexed bool
}

// Create makes a collection for cfg under the given name, with its vectors, its
// payload indexes and strict mode. It needs a token that may manage collections;
// [Open] does not. An existing collection is left alone and reported as an error.
func Create(ctx context.Context, cfg Config, name string) error {
	if cfg.Pins == nil {
		return errors.New("creating collection: no pins configured")
	}
	cfg.Collection = name
	x, err := connect(cfg)
	if err != nil {
		return fmt.Errorf("creating collection: %w", err)
	}
	defer x.Close()
	if err := x.checkVersion(ctx); err != nil {
		return fmt.Errorf("creating collection: %w", err)
	}
	if err := x.create(ctx); err != nil {
		return fmt.Errorf("creating collection: %w", err)
	}
	return nil
}

func (x *Index) create(ctx context.Context) error {
	request, err := x.cfg.definition()
	if err != nil {
		return err
	}
	manage := caller{timeout: x.cfg.WriteTimeout, attempts: 1} // a repeated creation fails
	if err := manage.do(ctx, "making it", func(ctx context.Context) error { return x.conn.CreateCollection(ctx, request) }); err != nil {
		return err
	}
	for _, ix := range payloadIndexes(x.cfg.Schema) {
		if x.cfg.Layout.Unindexed && ix.key != tenantKey {
			continue
		}
		err := x.write.do(ctx, "indexing payload key "+ix.key, func(ctx context.Context) error {
			_, err := x.conn.CreateFieldIndex(ctx, &pb.CreateFieldIndexCollection{CollectionName: x.cfg.Collection, FieldName: ix.key, Wait: pb.PtrOf(true),
				FieldType: ix.kind.Enum(), FieldIndexParams: ix.params, Ordering: strong()})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) definition() (*pb.CreateCollection, error) {
	l := c.Layout
	quantization, err := l.quantization()
	if err != nil {
		return nil, err
	}
	replicas := max(l.Replicas, 1)
	consistency := l.WriteConsistency
	if consistency == 0 {
		consistency = replicas/2 + 1
	}
	out := &pb.CreateCollection{
		CollectionName: c.Collection, ReplicationFactor: &replicas, WriteConsistencyFactor: &consistency, OnDiskPayload: &l.PayloadOnDisk,
		SparseVectorsConfig: pb.NewSparseVectorsConfig(map[string]*pb.SparseVectorParams{
			termsVector: {Index: &pb.SparseIndexConfig{OnDisk: &l.TermsOnDisk}}}),
		VectorsConfig: pb.NewVectorsConfigMap(map[string]*pb.VectorParams{}),
		Metadata: pb.NewValueMap(map[string]any{"doorward": map[string]any{
			"analysis": c.Pins.Analysis, "model": c.Pins.Model, "dimension": int64(c.Pins.Dimension)}}),
		StrictModeConfig: &pb.StrictModeConfig{
			Enabled: pb.PtrOf(true), UnindexedFilteringRetrieve: pb.PtrOf(l.Unindexed), UnindexedFilteringUpdate: pb.PtrOf(l.Unindexed),
			MaxQueryLimit: pb.PtrOf(uint32(maxCandidates)), UpsertMaxBatchsize: pb.PtrOf(uint64(maxBatch))},
	}
	if l.Shards > 0 {
		out.ShardNumber = &l.Shards
	}
	if c.Pins.Dimension > 0 {
		hnsw := &pb.HnswConfigDiff{M: pb.PtrOf(uint64(0)), PayloadM: pb.PtrOf(uint64(16))}
		if l.SharedGraph {
			hnsw = nil
		}
		out.VectorsConfig = pb.NewVectorsConfigMap(map[string]*pb.VectorParams{denseVector: {
			Size: uint64(c.Pins.Dimension), Distance: pb.Distance_Cosine, OnDisk: &l.VectorsOnDisk, HnswConfig: hnsw, QuantizationConfig: quantization}})
	}
	return out, nil
}

func (l *Layout) quantization() (*pb.QuantizationConfig, error) {
	switch l.Quantization {
	case "":
		return nil, nil
	case "scalar":
		return pb.NewQuantizationScalar(&pb.ScalarQuantization{Type: pb.QuantizationType_Int8, Quantile: pb.PtrOf(float32(0.99)), AlwaysRam: pb.PtrOf(true)}), nil
	case "binary":
		return pb.NewQuantizationBinary(&pb.BinaryQuantization{AlwaysRam: pb.PtrOf(true)}), nil
	}
	return nil, errors.New(`quantization must be "", "scalar" or "binary"`)
}

type payloadIndex struct {
	key    string
	kind   pb.FieldType
	params *pb.PayloadIndexParams
}

// payloadIndexes lists an index for every key a filter can name.
func payloadIndexes(s policy.Schema) []payloadIndex {
	out := []payloadIndex{
		{tenantKey, pb.FieldType_FieldTypeKeyword, pb.NewPayloadIndexParamsKeyword(&pb.KeywordIndexParams{IsTenant: pb.PtrOf(true)})},
		{documentKey, pb.FieldType_FieldTypeKeyword, nil},
		{versionKey, pb.FieldType_FieldTypeKeyword, nil},
	}
	add := func(key string, k policy.Kind) {
		kind, ok := map[policy.Kind]pb.FieldType{
			policy.String: pb.FieldType_FieldTypeKeyword, policy.StringSet: pb.FieldType_FieldTypeKeyword,
			policy.Int: pb.FieldType_FieldTypeInteger, policy.Time: pb.FieldType_FieldTypeInteger, policy.IntSet: pb.FieldType_FieldTypeInteger,
			policy.BoolKind: pb.FieldType_FieldTypeBool,
		}[k]
		if ok {
			out = append(out, payloadIndex{key: key, kind: kind})
		}
	}
	for path, a := range s {
		add(attributesKey+"."+path, a.Kind)
		if !a.Kind.Scalar() {
			add(countsKey+"."+path, policy.Int)
		}
		for f, k := range a.Fields {
			add(attributesKey+"."+path+"[]."+f, k)
		}
	}
	slices.SortFunc(out, func(a, b payloadIndex) int { return strings.Compare(a.key, b.key) })
	return out
}

// check compares the collection with the configuration.
func (x *Index) check(ctx context.Context) error {
	if err := x.checkVersion(ctx); err != nil {
		return err
	}
	var info *pb.CollectionInfo
	err := x.reads.do(ctx, "reading collection "+x.cfg.Collection, func(ctx context.Context) (err error) {
		info, err = x.conn.GetCollectionInfo(ctx, x.cfg.Collection)
		return err
	})
	if err != nil {
		return err
	}
	stored, ok := storedPins(info)
	if !ok {
		return fmt.Errorf("%w: collection %s was not made by Doorward", index.ErrMismatch, x.cfg.Collection)
	}
	x.pins = stored
	if x.cfg.Pins != nil {
		if err := x.cfg.Pins.Check(stored); err != nil {
			return err
		}
	}
	params := info.GetConfig().GetParams()
	if _, ok := params.GetSparseVectorsConfig().GetMap()[termsVector]; !ok {
		return fmt.Errorf("%w: collection %s has no sparse vector %q", index.ErrMismatch, x.cfg.Collection, termsVector)
	}
	dense := params.GetVectorsConfig().GetParamsMap().GetMap()[denseVector]
	if int(dense.GetSize()) != stored.Dimension || stored.Dimension > 0 && dense.GetDistance() != pb.Distance_Cosine {
		return fmt.Errorf("%w: collection %s has other dense vectors than it says", index.ErrMismatch, x.cfg.Collection)
	}
	if x.cfg.Layout.Unindexed {
		return nil
	}
	for _, ix := range payloadIndexes(x.cfg.Schema) {
		if _, ok := info.GetPayloadSchema()[ix.key]; !ok {
			return fmt.Errorf("%w: collection %s has no payload index on %s; make a new collection and reindex", index.ErrMismatch, x.cfg.Collection, ix.key)
		}
	}
	return nil
}

func storedPins(info *pb.CollectionInfo) (index.Pins, bool) {
	m := info.GetConfig().GetMetadata()["doorward"].GetStructValue().GetFields()
	if m == nil {
		return index.Pins{}, false
	}
	return index.Pins{Analysis: m["analysis"].GetStringValue(), Model: m["model"].GetStringValue(), Dimension: int(m["dimension"].GetIntegerValue())}, true
}

// Promote points cfg.Collection, an alias, at the collection named to, in one
// step: searches see the old collection or the new one, never neither. It needs
// a token that may manage collections. Fill the new one before, and [Drop] the
// old one after.
func Promote(ctx context.Context, cfg Config, to string) error {
	return manage(ctx, cfg, "promoting "+to, func(ctx context.Context, c *pb.Client) error {
		aliases, err := c.ListAliases(ctx)
		if err != nil {
			return err
		}
		var steps []*pb.AliasOperations
		for _, a := range aliases {
			if a.GetAliasName() == cfg.Collection {
				steps = append(steps, pb.NewAliasDelete(cfg.Collection))
			}
		}
		return c.UpdateAliases(ctx, append(steps, pb.NewAliasCreate(cfg.Collection, to)))
	})
}

// Drop deletes a collection that no alias points at.
func Drop(ctx context.Context, cfg Config, name string) error {
	return manage(ctx, cfg, "dropping "+name, func(ctx context.Context, c *pb.Client) error {
		aliases, err := c.ListCollectionAliases(ctx, name)
		if err != nil {
			return err
		}
		if len(aliases) > 0 {
			return fmt.Errorf("alias %s still points at it", aliases[0])
		}
		return c.DeleteCollection(ctx, name)
	})
}

func manage(ctx context.Context, cfg Config, what string, f func(context.Context, *pb.Client) error) error {
	x, err := connect(cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer x.Close()
	ctx, cancel := context.WithTimeout(ctx, x.cfg.WriteTimeout+time.Second)
	defer cancel()
	if err := f(ctx, x.conn); err != nil {
		return fmt.Errorf("%s: %w", what, describe(ctx, err))
	}
	return nil
}

func strong() *pb.WriteOrdering { return &pb.WriteOrdering{Type: pb.WriteOrderingType_Strong} }
