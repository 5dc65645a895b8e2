package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
)

// AuditLog is what operators may ask of the audit log. What is not there, or no
// checkpoint covers yet, is catalog.ErrNotFound.
type AuditLog interface {
	Entries(ctx context.Context, from uint64, yield func(audit.Numbered) error) error
	// Checkpoint is the newest signed note.
	Checkpoint() ([]byte, error)
	// ProveEntry returns an inclusion proof, as JSON-able facts, and its entry.
	ProveEntry(ctx context.Context, index uint64) (any, audit.Entry, error)
	// ProveSize proves that the log of one size begins the log of another.
	ProveSize(ctx context.Context, from, to uint64) (any, error)
}

// Bounds of a page of audit entries.
const (
	defaultEntries = 100
	maxEntries     = 1000
	maxLooked      = 100_000 // entries looked at for one page
)

// AuditPage is a page of entries. Next is where the next page begins.
type AuditPage struct {
	Entries []audit.Numbered `json:"entries"`
	Next    uint64           `json:"next"`
	More    bool             `json:"more"`
}

var errPage = errors.New("page is full")

// visible says whether an operator sees an entry: those of the own tenant, and
// those of no tenant.
func visible(e audit.Entry, operator policy.Subject) bool {
	return e.Tenant == operator.Tenant || e.Tenant == "*"
}

func (o *Operator) auditEntries(c *gin.Context, operator policy.Subject) {
	from, err1 := number(c, "from", 0)
	limit, err2 := number(c, "limit", defaultEntries)
	if err := errors.Join(err1, err2); err != nil {
		o.API.fail(c, err)
		return
	}
	limit = min(max(limit, 1), maxEntries)
	page := AuditPage{Entries: []audit.Numbered{}, Next: from}
	matches := func(e audit.Numbered) bool {
		return visible(e.Entry, operator) && (c.Query("event") == "" || c.Query("event") == e.Event) &&
			(c.Query("outcome") == "" || c.Query("outcome") == e.Outcome) && (c.Query("subject") == "" || c.Query("subject") == e.Subject)
	}
	err := o.AuditLog.Entries(c.Request.Context(), from, func(e audit.Numbered) error {
		if uint64(len(page.Entries)) == limit || e.Index-from >= maxLooked {
			page.More = true
			return errPage
		}
		page.Next = e.Index + 1
		if matches(e) {
			page.Entries = append(page.Entries, e)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPage) {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, page)
}

func (o *Operator) auditCheckpoint(c *gin.Context, _ policy.Subject) {
	raw, err := o.AuditLog.Checkpoint()
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", raw)
}

// auditProof proves one entry (?index=) or the log's growth (?from=&to=). An
// entry of another tenant is not there.
func (o *Operator) auditProof(c *gin.Context, operator policy.Subject) {
	if c.Query("index") == "" {
		o.auditGrowth(c)
		return
	}
	index, err := number(c, "index", 0)
	var p any
	var e audit.Entry
	if err == nil {
		p, e, err = o.AuditLog.ProveEntry(c.Request.Context(), index)
	}
	if err == nil && !visible(e, operator) {
		err = catalog.ErrNotFound
	}
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, p)
}

func (o *Operator) auditGrowth(c *gin.Context) {
	from, err1 := number(c, "from", 0)
	to, err2 := number(c, "to", 0)
	err := errors.Join(err1, err2)
	var p any
	if err == nil {
		p, err = o.AuditLog.ProveSize(c.Request.Context(), from, to)
	}
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, p)
}

// number reads a parameter of the query.
func number(c *gin.Context, name string, otherwise uint64) (uint64, error) {
	text := c.Query(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: %s must be a whole number", errMalformed, name)
	}
	return n, nil
}
