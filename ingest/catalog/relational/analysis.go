package relational

import "context"

const sayAnalysis = `select value from meta where key = 'analysis'`

// Analysis names how the terms and fingerprints of live documents were made; ""
// when nobody said.
func (c *Catalog) Analysis(ctx context.Context) (string, error) {
	names, err := column[string](ctx, c.db, sayAnalysis)
	if err != nil {
		return "", unavailable("reading how terms were made", err)
	}
	if len(names) == 0 {
		return "", nil
	}
	return names[0], nil
}

// SetAnalysis says how they were made, now that all are, see [Catalog.Resign].
// Versions that batches replaced were not made so and are given up, and with them
// whatever a roll-back of those batches would need.
func (c *Catalog) SetAnalysis(ctx context.Context, analysis string) error {
	return c.update(ctx, "naming how terms were made", func(tx Tx) error {
		said, err := column[string](ctx, tx, sayAnalysis)
		if err != nil || len(said) > 0 && said[0] == analysis {
			return err
		}
		for _, q := range []string{`delete from replaced`, `delete from prints`} { // printed has those of now
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		if err := c.sweep(ctx, tx); err != nil {
			return err
		}
		return tx.Queue(ctx, `insert into meta (key, value) values ('analysis', ?) on conflict (key) do update set value = excluded.value`, analysis)
	})
}
