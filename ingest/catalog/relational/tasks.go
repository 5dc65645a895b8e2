package relational

import (
	"context"

	"github.com/doorward/doorward/ingest/catalog"
)

// Tasks returns the index work still owed, oldest first, with the numbers Done
// takes. What is owed of a version that is not live yet waits until it is.
func (c *Catalog) Tasks(ctx context.Context) ([]catalog.Task, []int64, error) {
	var tasks []catalog.Task
	var seqs []int64
	err := each(ctx, c.db, func(r Rows) error {
		var t catalog.Task
		var seq int64
		var attributes string
		err := r.Scan(&seq, &t.Tenant, &t.Document, &t.Version, &t.Op, &attributes, &t.Receipt)
		if err != nil {
			return err
		}
		if t.Attributes, err = decodeAttributes(attributes); err != nil {
			return err
		}
		tasks, seqs = append(tasks, t), append(seqs, seq)
		return nil
	}, `select seq, tenant, document, version, op, attributes, receipt from tasks where op <> 'put' or not exists (select 1 from versions v
		where v.tenant = tasks.tenant and v.document = tasks.document and v.version = tasks.version and v.state = 'next') order by seq`)
	if err != nil {
		return nil, nil, unavailable("reading tasks", err)
	}
	return tasks, seqs, nil
}

// Done forgets tasks that were carried out.
func (c *Catalog) Done(ctx context.Context, seqs []int64) error {
	list, err := c.list(seqs)
	if err != nil {
		return unavailable("finishing tasks", err)
	}
	return c.updateBeside(ctx, "finishing tasks", func(tx Tx) error {
		return tx.Queue(ctx, `delete from tasks where `+c.in("seq"), list)
	})
}

func owe(ctx context.Context, tx Tx, t catalog.Task) error {
	attributes, err := jsonText(t.Attributes)
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `insert into tasks (tenant, document, version, op, attributes, receipt) values (?, ?, ?, ?, ?, ?)`,
		t.Tenant, t.Document, t.Version, string(t.Op), attributes, t.Receipt)
}
