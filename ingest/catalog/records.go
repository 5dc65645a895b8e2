package catalog

// Record names one row of the catalog, for those who must look at every row
// though some may not be readable.
type Record struct {
	Ref           // Version is "" for arrivals and for documents that are not live
	Kind   string // one of the Kinds below
	State  State
	Source string // of documents and arrivals
}

// Kinds of records.
const (
	DocumentRecord = "document"
	VersionRecord  = "version"
	ArrivalRecord  = "arrival"
	ChunkRecord    = "chunks" // chunks that belong to no version; one record per version they name
	TaskRecord     = "task"   // owed index work; State is its kind
)

// Known reports whether a record's state is one its kind can have.
func (r Record) Known() bool {
	switch r.Kind {
	case DocumentRecord:
		return r.State == Live || r.State == Retired || r.State == Erased
	case VersionRecord:
		return r.State == Intent || r.State == Live || r.State == kept
	case ArrivalRecord:
		return r.State == Received || r.State == Held || r.State == Rejected
	case TaskRecord:
		return Op(r.State) == RetireOp || Op(r.State) == AttributesOp || Op(r.State) == PutOp || Op(r.State) == EraseOp
	}
	return false
}

// kept is the state of a version that a batch wrote over and that can still be
// put back. It is never released and not in the index.
const kept State = "kept"
