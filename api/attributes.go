package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest"
)

// AttributesRequest is the body of PATCH /v1/documents/{id}/attributes: a merge
// patch (RFC 7396), in which null takes an attribute away.
type AttributesRequest struct {
	Attributes map[string]any `json:"attributes"`
}

// patchAttributes changes attributes; nothing is scanned or embedded again.
func (a *API) patchAttributes(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	a.once(c, p, maxRequest, takesJSON, func(ctx context.Context, body []byte, _ string) (int, any, error) {
		var in AttributesRequest
		if err := decode(body, &in); err != nil {
			return 0, nil, err
		}
		id, err := ingest.PushedID(p.source.Name(), c.Param("id"))
		if err != nil {
			return 0, nil, err
		}
		if len(in.Attributes) == 0 {
			return 0, nil, fmt.Errorf("%w: attributes names nothing to change", errUnusable)
		}
		e, err := a.Documents.Intake.Reattribute(ctx, id, p.options(), func(now map[string]any) (map[string]any, error) {
			return p.source.Attributes(c.Param("id"), merge(now, in.Attributes))
		})
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, resultOf(p, e), nil
	})
}

// merge applies a merge patch to a copy.
func merge(now, patch map[string]any) map[string]any {
	out := make(map[string]any, len(now)+len(patch))
	for k, v := range now {
		out[k] = v
	}
	for k, v := range patch {
		inner, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isObject:
			old, _ := out[k].(map[string]any)
			out[k] = merge(old, inner)
		default:
			out[k] = wholeNumber(v)
		}
	}
	return out
}

// wholeNumber makes JSON's whole numbers integers, also within lists.
func wholeNumber(v any) any {
	switch v := v.(type) {
	case float64:
		if n := int64(v); float64(n) == v && v < 1<<53 && v > -1<<53 {
			return n
		}
	case []any:
		for i := range v {
			v[i] = wholeNumber(v[i])
		}
	}
	return v
}
