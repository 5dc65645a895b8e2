package eval

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// clean counts what is flagged in documents assumed to hold no personal data.
// They are real public documents: their web addresses, hosts and contact
// addresses are rightly found, so the counts are shown by type.
func (e *piiEval) clean(ctx context.Context, dir string) error {
	paths := cleanFiles(dir, e.o.Clean)
	if len(paths) == 0 {
		e.r.Notes = append(e.r.Notes, "no clean_*.jsonl.gz found: false alarms on ordinary documents were not counted")
		return nil
	}
	docs, flagged, findings, inDocs := 0, 0, map[string]int{}, map[string]int{}
	for _, p := range paths {
		err := lines(p, func(c piiCase) error {
			found, err := e.speed.scan(ctx, e.o, c.Text)
			if err != nil {
				return err
			}
			docs++
			seen := map[string]bool{}
			for _, f := range found {
				findings[f.Type]++
				if !seen[f.Type] {
					seen[f.Type] = true
					inDocs[f.Type]++
				}
			}
			hard := 0
			for typ := range seen {
				if !reaches[typ] {
					hard++
				}
			}
			if hard > 0 {
				flagged++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	t := Table{Title: "flagged in clean documents", Columns: []string{"findings", "documents"}}
	for typ, n := range findings {
		t.Rows = append(t.Rows, Row{Name: typ, N: docs, Values: []float64{float64(n), float64(inDocs[typ])}})
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	e.r.Tables = append(e.r.Tables, t)
	e.r.add(share("clean.flagged", flagged, docs))
	e.r.Notes = append(e.r.Notes, "clean.flagged counts documents with any type but EMAIL, URL, IP, MAC, DATE and ADDRESS, which public documents do hold")
	return nil
}

// reaches are types that ordinary public documents hold rightly.
var reaches = map[string]bool{"EMAIL": true, "URL": true, "IP": true, "MAC": true, "DATE": true, "ADDRESS": true}

func cleanFiles(dir, given string) []string {
	if given != "" {
		return []string{given}
	}
	for _, d := range []string{dir, filepath.Join(dir, "secrets"), filepath.Join(dir, "..", "secrets")} {
		if found, _ := filepath.Glob(filepath.Join(d, "clean_*.jsonl.gz")); len(found) > 0 {
			return found
		}
	}
	return nil
}
