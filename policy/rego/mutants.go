package rego

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// Mutant is one mistake that was seeded into a policy.
type Mutant struct {
	File string `json:"file"`
	Line int    `json:"line"`
	What string `json:"what"`
}

// Mutants is how many seeded mistakes a policy's own tests noticed.
type Mutants struct {
	Tried   int      `json:"tried"`
	Noticed int      `json:"noticed"`
	Missed  []Mutant `json:"missed"`
}

// Mutate seeds mistakes into a policy, one at a time, and runs its own tests on
// each: a mistake that no test notices could come into force. step 1 tries all,
// step n every nth. Mistakes that do not compile are not counted.
func Mutate(ctx context.Context, cfg Config, step int) (Mutants, error) {
	out := Mutants{Missed: []Mutant{}}
	base := cfg.Files
	var names []string
	err := fs.WalkDir(base, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".rego") && !isTest(p) {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("reading policy files: %w", err)
	}
	cfg.SkipTests, cfg.CacheEntries = false, -1
	for _, name := range names {
		source, err := fs.ReadFile(base, name)
		if err != nil {
			return out, fmt.Errorf("reading policy files: %w", err)
		}
		for i, m := range mutate(string(source)) {
			if i%step != 0 {
				continue
			}
			cfg.Files = replaced{base, name, []byte(m.text)}
			_, diags, err := Load(ctx, cfg)
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			if !onlyTests(diags) {
				continue // the compiler or the linter refused it: no mutant
			}
			if out.Tried++; err != nil {
				out.Noticed++
				continue
			}
			m.File = name
			out.Missed = append(out.Missed, m.Mutant)
		}
	}
	return out, nil
}

// replaced is a file system with other content in one file.
type replaced struct {
	fs.FS
	name string
	data []byte
}

// ReadFile implements [fs.ReadFileFS].
func (r replaced) ReadFile(name string) ([]byte, error) {
	if name == r.name {
		return r.data, nil
	}
	return fs.ReadFile(r.FS, name)
}

func onlyTests(diags Diagnostics) bool {
	for _, d := range diags.Errors() {
		if d.Code != "test-failed" {
			return false
		}
	}
	return true
}

// mutant is a policy file with one mistake in it.
type mutant struct {
	Mutant
	text string
}

// mutate changes one line at a time: drops it, negates it, or turns an operator.
func mutate(text string) []mutant {
	lines := strings.Split(text, "\n")
	var out []mutant
	add := func(i int, what, line string) {
		changed := append(append(append([]string{}, lines[:i]...), line), lines[i+1:]...)
		out = append(out, mutant{Mutant{Line: i + 1, What: what}, strings.Join(changed, "\n")})
	}
	for i, line := range lines {
		code := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "\t")
		if code == "" || strings.HasPrefix(code, "#") || strings.HasPrefix(code, "package") || strings.HasPrefix(code, "import") ||
			strings.HasPrefix(code, "default") || strings.HasPrefix(code, "\"") || strings.HasSuffix(code, "{") || code == "}" {
			continue
		}
		rule := strings.Contains(code, " if ")
		if indented || rule {
			add(i, "dropped: "+code, "")
		}
		if strings.Contains(code, "not ") {
			add(i, "not dropped: "+code, strings.Replace(line, "not ", "", 1))
		} else if indented && !strings.HasPrefix(code, "some ") {
			add(i, "negated: "+code, "\tnot "+code)
		} else if rule {
			add(i, "negated: "+code, strings.Replace(line, " if ", " if not ", 1))
		}
		for _, turn := range [][2]string{{" == ", " != "}, {" > ", " >= "}, {" <= ", " < "}, {" >= ", " > "}} {
			if strings.Contains(code, turn[0]) {
				add(i, turn[0]+"to"+turn[1]+": "+code, strings.Replace(line, turn[0], turn[1], 1))
			}
		}
	}
	return out
}
