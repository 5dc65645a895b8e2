package extract

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// maxColumns is how wide a table may be; wider ones are refused as malformed
// rather than cut.
const maxColumns = 4096

// readCSV reads separated values as a table whose first row is the header. The
// separator is the comma, semicolon, tab or bar that the first line has most of.
func readCSV(b *builder, in Input, _ int) error {
	s, err := decode(in.Bytes, charsetOf(in.MediaType))
	if err != nil {
		return err
	}
	r := csv.NewReader(strings.NewReader(s))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord, r.LazyQuotes = separator(s), -1, true, true
	b.gap()
	start, head := len(b.out), 0
	for !b.stopped() {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%w: CSV near line %d", ErrMalformed, line)
		}
		if len(row) > maxColumns {
			return fmt.Errorf("%w: more than %d columns", ErrTooLarge, maxColumns)
		}
		b.row(row)
		if head == 0 {
			head = len(b.out)
		}
	}
	b.tableBlock(start, head)
	return b.err
}

func separator(s string) rune {
	line, _, _ := strings.Cut(s, "\n")
	best, most := ',', 0
	for _, r := range ",;\t|" {
		if n := strings.Count(line, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}
