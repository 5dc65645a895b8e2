// Package qdranttest is a Qdrant in memory for tests, over the real protocol.
package qdranttest

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Fake is a Qdrant in memory with the behaviour this package relies on, and
// switches for failing. What it says about filters is written from Qdrant's
// documented semantics; the suite holds it and a real server to the same
// reference.
type Fake struct {
	pb.UnimplementedPointsServer
	pb.UnimplementedCollectionsServer
	pb.UnimplementedQdrantServer

	Version string
	// before is asked first by every call; an error or a long wait is the fault.
	before func(ctx context.Context, method string) error
	// Half makes upserts store half their points and then fail.
	Half bool

	mu          sync.Mutex
	collections map[string]*stored
	aliases     map[string]string
	calls       map[string]int
}

type stored struct {
	made    *pb.CreateCollection
	indexes map[string]*pb.PayloadSchemaInfo
	points  map[string]*pb.PointStruct
}

// Start serves a Fake on a loopback port and returns its address.
func Start(t testing.TB, options ...grpc.ServerOption) (*Fake, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{Version: "1.17.1", collections: map[string]*stored{}, aliases: map[string]string{}, calls: map[string]int{}}
	// As a real server, it lets clients ask often whether it is there.
	pings := grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true})
	s := grpc.NewServer(append(options, pings, grpc.UnaryInterceptor(f.intercept))...)
	pb.RegisterPointsServer(s, f)
	pb.RegisterCollectionsServer(s, collections{f: f})
	pb.RegisterQdrantServer(s, f)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return f, l.Addr().String()
}

// collections keeps apart the two services' methods of the same name.
type collections struct {
	pb.UnimplementedCollectionsServer
	f *Fake
}

func (f *Fake) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	f.mu.Lock()
	f.calls[method]++
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, method); err != nil {
			return nil, err
		}
	}
	return h(ctx, req)
}

// Set puts a fault, or nil, before every call.
func (f *Fake) Set(before func(ctx context.Context, method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// Calls is how often a method was called.
func (f *Fake) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *Fake) HealthCheck(context.Context, *pb.HealthCheckRequest) (*pb.HealthCheckReply, error) {
	return &pb.HealthCheckReply{Title: "fake", Version: f.Version}, nil
}

// Points gives fn a collection's points, which it may change.
func (f *Fake) Points(collection string, fn func(map[string]*pb.PointStruct)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.collections[collection]; s != nil {
		fn(s.points)
	}
}

func (f *Fake) find(name string) (*stored, error) {
	if to, ok := f.aliases[name]; ok {
		name = to
	}
	c := f.collections[name]
	if c == nil {
		return nil, status.Error(codes.NotFound, "no such collection: "+name)
	}
	return c, nil
}

func (c collections) Create(_ context.Context, r *pb.CreateCollection) (*pb.CollectionOperationResponse, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.f.collections[r.CollectionName] != nil {
		return nil, status.Error(codes.AlreadyExists, "exists")
	}
	c.f.collections[r.CollectionName] = &stored{made: r, indexes: map[string]*pb.PayloadSchemaInfo{}, points: map[string]*pb.PointStruct{}}
	return &pb.CollectionOperationResponse{Result: true}, nil
}

func (c collections) Get(_ context.Context, r *pb.GetCollectionInfoRequest) (*pb.GetCollectionInfoResponse, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	s, err := c.f.find(r.CollectionName)
	if err != nil {
		return nil, err
	}
	return &pb.GetCollectionInfoResponse{Result: &pb.CollectionInfo{PayloadSchema: s.indexes, Config: &pb.CollectionConfig{Metadata: s.made.Metadata,
		Params: &pb.CollectionParams{VectorsConfig: s.made.VectorsConfig, SparseVectorsConfig: s.made.SparseVectorsConfig}}}}, nil
}

func (c collections) Delete(_ context.Context, r *pb.DeleteCollection) (*pb.CollectionOperationResponse, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	delete(c.f.collections, r.CollectionName)
	return &pb.CollectionOperationResponse{Result: true}, nil
}

func (c collections) ListAliases(context.Context, *pb.ListAliasesRequest) (*pb.ListAliasesResponse, error) {
	return c.list(""), nil
}

func (c collections) ListCollectionAliases(_ context.Context, r *pb.ListCollectionAliasesRequest) (*pb.ListAliasesResponse, error) {
	return c.list(r.CollectionName), nil
}

func (c collections) list(of string) *pb.ListAliasesResponse {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	out := &pb.ListAliasesResponse{}
	for a, to := range c.f.aliases {
		if of == "" || of == to {
			out.Aliases = append(out.Aliases, &pb.AliasDescription{AliasName: a, CollectionName: to})
		}
	}
	return out
}

func (c collections) UpdateAliases(_ context.Context, r *pb.ChangeAliases) (*pb.CollectionOperationResponse, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	for _, a := range r.Actions {
		switch x := a.Action.(type) {
		case *pb.AliasOperations_CreateAlias:
			c.f.aliases[x.CreateAlias.AliasName] = x.CreateAlias.CollectionName
		case *pb.AliasOperations_DeleteAlias:
			delete(c.f.aliases, x.DeleteAlias.AliasName)
		}
	}
	return &pb.CollectionOperationResponse{Result: true}, nil
}

func done() *pb.PointsOperationResponse {
	return &pb.PointsOperationResponse{Result: &pb.UpdateResult{Status: pb.UpdateStatus_Completed}}
}

func (f *Fake) CreateFieldIndex(_ context.Context, r *pb.CreateFieldIndexCollection) (*pb.PointsOperationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(r.CollectionName)
	if err != nil {
		return nil, err
	}
	s.indexes[r.FieldName] = &pb.PayloadSchemaInfo{}
	return done(), nil
}

func (f *Fake) Upsert(_ context.Context, r *pb.UpsertPoints) (*pb.PointsOperationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(r.CollectionName)
	if err != nil {
		return nil, err
	}
	for i, p := range r.Points {
		if f.Half && i >= len(r.Points)/2 {
			return nil, status.Error(codes.Unavailable, "went away half-way")
		}
		if old := s.points[p.Id.GetUuid()]; old != nil && r.UpdateFilter != nil && !matches(r.UpdateFilter, old.Payload) {
			continue
		}
		s.points[p.Id.GetUuid()] = proto.Clone(p).(*pb.PointStruct)
	}
	return done(), nil
}

// each calls do for the points a selector names, ascending by id.
func (f *Fake) each(collection string, sel *pb.PointsSelector, do func(s *stored, id string, p *pb.PointStruct)) (*pb.PointsOperationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(collection)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(s.points)) {
		p := s.points[id]
		known := maps.Clone(p.Payload)
		known[idKey] = pb.NewValueString(id)
		if matches(sel.GetFilter(), known) {
			do(s, id, p)
		}
	}
	return done(), nil
}

// idKey is where matches finds a point's id.
const idKey = "\x00id"

// Facet holds its limit to strict mode's, as the server does, and answers no more.
func (f *Fake) Facet(_ context.Context, r *pb.FacetCounts) (*pb.FacetResponse, error) {
	f.mu.Lock()
	s, err := f.find(r.CollectionName)
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if _, ok := s.indexes[r.Key]; !ok {
		return nil, status.Errorf(codes.InvalidArgument, "%s has no index for faceting", r.Key)
	}
	if most := s.made.GetStrictModeConfig().GetMaxQueryLimit(); most > 0 && r.GetLimit() > uint64(most) {
		return nil, status.Errorf(codes.InvalidArgument, "limit %d exceeds the limit %d of strict mode", r.GetLimit(), most)
	}
	counts := map[string]uint64{}
	_, err = f.each(r.CollectionName, pb.NewPointsSelectorFilter(r.Filter), func(_ *stored, _ string, p *pb.PointStruct) { counts[p.Payload[r.Key].GetStringValue()]++ })
	out := &pb.FacetResponse{}
	for v, n := range counts {
		if uint64(len(out.Hits)) == r.GetLimit() {
			break
		}
		out.Hits = append(out.Hits, &pb.FacetHit{Value: &pb.FacetValue{Variant: &pb.FacetValue_StringValue{StringValue: v}}, Count: n})
	}
	return out, err
}

func (f *Fake) Delete(_ context.Context, r *pb.DeletePoints) (*pb.PointsOperationResponse, error) {
	return f.each(r.CollectionName, r.Points, func(s *stored, id string, _ *pb.PointStruct) { delete(s.points, id) })
}

func (f *Fake) SetPayload(_ context.Context, r *pb.SetPayloadPoints) (*pb.PointsOperationResponse, error) {
	return f.each(r.CollectionName, r.PointsSelector, func(_ *stored, _ string, p *pb.PointStruct) {
		p.Payload = maps.Clone(p.Payload) // an answer with the one before may be on its way
		maps.Copy(p.Payload, r.Payload)
	})
}

func (f *Fake) Count(_ context.Context, r *pb.CountPoints) (*pb.CountResponse, error) {
	n := uint64(0)
	_, err := f.each(r.CollectionName, pb.NewPointsSelectorFilter(r.Filter), func(*stored, string, *pb.PointStruct) { n++ })
	return &pb.CountResponse{Result: &pb.CountResult{Count: n}}, err
}

func (f *Fake) Get(_ context.Context, r *pb.GetPoints) (*pb.GetResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(r.CollectionName)
	if err != nil {
		return nil, err
	}
	out := &pb.GetResponse{}
	for _, id := range r.Ids {
		if p := s.points[id.GetUuid()]; p != nil {
			out.Result = append(out.Result, &pb.RetrievedPoint{Id: p.Id, Payload: p.Payload})
		}
	}
	return out, nil
}

func (f *Fake) Scroll(_ context.Context, r *pb.ScrollPoints) (*pb.ScrollResponse, error) {
	out := &pb.ScrollResponse{}
	_, err := f.each(r.CollectionName, pb.NewPointsSelectorFilter(r.Filter), func(_ *stored, id string, p *pb.PointStruct) {
		switch {
		case id < r.Offset.GetUuid():
		case len(out.Result) == int(r.GetLimit()):
			if out.NextPageOffset == nil {
				out.NextPageOffset = p.Id
			}
		default:
			out.Result = append(out.Result, &pb.RetrievedPoint{Id: p.Id, Payload: p.Payload, Vectors: output(p)})
		}
	})
	return out, err
}

func output(p *pb.PointStruct) *pb.VectorsOutput {
	out := map[string]*pb.VectorOutput{}
	for name, v := range p.GetVectors().GetVectors().GetVectors() {
		if d := v.GetDense(); d != nil {
			out[name] = &pb.VectorOutput{Vector: &pb.VectorOutput_Dense{Dense: d}}
		}
		if s := v.GetSparse(); s != nil {
			out[name] = &pb.VectorOutput{Vector: &pb.VectorOutput_Sparse{Sparse: s}}
		}
	}
	return &pb.VectorsOutput{VectorsOptions: &pb.VectorsOutput_Vectors{Vectors: &pb.NamedVectorsOutput{Vectors: out}}}
}
