package eval

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d texts, %.1f MB\n\n", r.Name, r.Texts, float64(r.Bytes)/1e6)
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "figure\tvalue\t95 % interval\tn\t")
	for _, m := range r.Metrics {
		interval, n := "", ""
		if m.Low != 0 || m.High != 0 {
			interval = fmt.Sprintf("%s – %s", figure(m.Low), figure(m.High))
		}
		if m.N > 0 {
			n = fmt.Sprint(m.N)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", m.Name, figure(m.Value), interval, n)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, table := range r.Tables {
		if err := table.text(w); err != nil {
			return err
		}
	}
	for _, m := range r.Misses {
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%d-%d\n", m.What, m.ID, m.Type, m.Rule, m.Span.Start, m.Span.End)
	}
	for _, n := range r.Notes {
		if _, err := fmt.Fprintln(w, "note:", n); err != nil {
			return err
		}
	}
	return nil
}

// counts are the columns that hold whole numbers.
var counts = map[string]bool{"wrong": true, "findings": true, "documents": true, "flagged": true, "clean flagged": true, "rule-clean flagged": true}

func (table Table) text(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n", table.Title)
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tn\t")
	for _, c := range table.Columns {
		fmt.Fprintf(t, "%s\t", c)
	}
	fmt.Fprintln(t)
	for _, row := range table.Rows {
		fmt.Fprintf(t, "%s\t%d\t", row.Name, row.N)
		for i, v := range row.Values {
			if counts[table.Columns[i]] {
				fmt.Fprintf(t, "%.0f\t", v)
				continue
			}
			fmt.Fprintf(t, "%s\t", figure(v))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// figure writes shares with three digits, counts whole, and "–" for what does
// not apply.
func figure(v float64) string {
	switch {
	case v < 0:
		return "–"
	case v > 1 && v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case v > 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
