package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/eval"
)

func evalRetrieval(g *global) *cobra.Command {
	var gate string
	var o eval.RetrievalOptions
	cmd := &cobra.Command{
		Use: "retrieval DIR", Short: "Measure the search on judged queries", Args: oneArg,
		Long: `Ingests DIR, a data set in BEIR's layout (corpus.jsonl, queries.jsonl, gzipped or
not, and qrels.tsv), into a temporary index, searches it with the default text
analysis and scores the rankings.

--gate FILE compares with thresholds in YAML or JSON and exits with 6 when one is
missed:

  retrieval:
    ndcg_at_10: {min: 0.67}
    recall_at_100: {min: 0.90}`,
		RunE: func(c *cobra.Command, args []string) error {
			limits, err := openGate(gate)
			if err != nil {
				return err
			}
			r, err := eval.Retrieval(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			if g.json {
				err = json.NewEncoder(c.OutOrStdout()).Encode(r)
			} else {
				r.Print(c.OutOrStdout())
			}
			if err != nil || gate == "" {
				return err
			}
			if err := limits.Check(rankings(r)); errors.Is(err, eval.ErrGate) {
				return &exit{exitGate, err}
			} else if err != nil {
				return err
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&gate, "gate", "", "file of thresholds; exit with 6 when one is missed")
	cmd.Flags().StringVar(&o.Qrels, "qrels", "", "file of judgements (default DIR/qrels.tsv)")
	return cmd
}

// rankings are the figures of a retrieval report that a gate may ask for.
func rankings(r eval.RetrievalReport) eval.Report {
	metric := func(name string, i eval.Interval) eval.Metric {
		return eval.Metric{Name: name, Value: i.Mean, Low: i.Low, High: i.High, N: r.Queries}
	}
	return eval.Report{Name: "retrieval", Metrics: []eval.Metric{
		metric("ndcg_at_10", r.NDCG10), metric("recall_at_10", r.Recall10), metric("recall_at_100", r.Recall100), metric("mrr", r.MRR),
	}}
}
