package eval

import (
	"bufio"
	"compress/gzip"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// beirRecord is a line of corpus.jsonl or queries.jsonl.
type beirRecord struct {
	ID       string         `json:"_id"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata"`

	chunks []string
}

// beirSet is a data set in BEIR's layout.
type beirSet struct {
	corpus  []beirRecord
	byID    map[string]*beirRecord
	queries []beirRecord
	qrels   map[string]map[string]int // query → document → grade above 0
}

func readBEIR(dir, qrels string) (*beirSet, error) {
	s := &beirSet{byID: map[string]*beirRecord{}, qrels: map[string]map[string]int{}}
	var err error
	if s.corpus, err = beirLines[beirRecord](dir, "corpus.jsonl"); err != nil {
		return nil, err
	}
	if s.queries, err = beirLines[beirRecord](dir, "queries.jsonl"); err != nil {
		return nil, err
	}
	for i := range s.corpus {
		s.byID[s.corpus[i].ID] = &s.corpus[i]
	}
	if qrels == "" {
		qrels = filepath.Join(dir, "qrels.tsv")
	}
	rows, err := beirTable(qrels, 3)
	if err != nil {
		return nil, err
	}
	for _, f := range rows {
		grade, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, fmt.Errorf("%s: a grade is not a number", filepath.Base(qrels))
		}
		if grade > 0 {
			if s.qrels[f[0]] == nil {
				s.qrels[f[0]] = map[string]int{}
			}
			s.qrels[f[0]][f[1]] = grade
		}
	}
	return s, nil
}

// beirLines reads dir/name or dir/name.gz, one JSON value a line.
func beirLines[T any](dir, name string) ([]T, error) {
	r, err := openEither(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := json.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	var out []T
	for n := 1; ; n++ {
		var v T
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d is not JSON", name, n)
		}
		out = append(out, v)
	}
}

type gzipped struct {
	*gzip.Reader
	file *os.File
}

func (g gzipped) Close() error { return errors.Join(g.Reader.Close(), g.file.Close()) }

func openEither(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	z, zerr := os.Open(path + ".gz")
	if zerr != nil {
		return nil, err
	}
	g, err := gzip.NewReader(z)
	if err != nil {
		z.Close()
		return nil, err
	}
	return gzipped{g, z}, nil
}

// beirTable reads tab-separated lines after a heading.
func beirTable(path string, columns int) ([][]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if n == 0 {
			continue
		}
		if len(f) < columns {
			return nil, fmt.Errorf("%s: line %d has %d columns, want %d", filepath.Base(path), n+1, len(f), columns)
		}
		out = append(out, f)
	}
	return out, nil
}

// pointID is a UUID of version 5's form, as every index wants.
func pointID(document string, ordinal int) string {
	u := sha1.Sum(fmt.Appendf(nil, "eval %q %d", document, ordinal))
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// resampled bootstraps queries with replacement, always the same way.
func resampled(xs []float64, resamples int) Interval {
	mean := func(at func(int) float64) float64 {
		sum := 0.0
		for i := range xs {
			sum += at(i)
		}
		return sum / float64(len(xs))
	}
	out := Interval{Mean: mean(func(i int) float64 { return xs[i] })}
	r := rand.New(rand.NewPCG(1, uint64(len(xs))))
	means := make([]float64, resamples)
	for k := range means {
		means[k] = mean(func(int) float64 { return xs[r.IntN(len(xs))] })
	}
	slices.Sort(means)
	out.Low, out.High = means[resamples*25/1000], means[min(resamples-1, resamples*975/1000)]
	return out
}
