package rego

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// Load reads, compiles, lints and tries a policy. It returns a snapshot only if
// everything passed: OPA's compiler, the linter, a symbolic plan for every probe
// subject, and the policy's own tests, by full evaluation and by plan. The
// diagnostics carry warnings and notes even then. The error is a [*LoadError]
// when the policy itself is at fault.
func Load(ctx context.Context, cfg Config) (*Snapshot, Diagnostics, error) {
	for what, schema := range map[string]policy.Schema{"document": cfg.Document, "claims": cfg.Claims} {
		if err := schema.Validate(); err != nil {
			return nil, nil, fmt.Errorf("loading policy: %s schema: %w", what, err)
		}
	}
	src, err := readSources(cfg.Files)
	if err != nil {
		return nil, nil, fmt.Errorf("loading policy: %w", err)
	}
	s, diags, err := build(ctx, cfg, src)
	if err != nil {
		return nil, diags, err
	}
	return s, diags, nil
}

func build(ctx context.Context, cfg Config, src *sources) (s *Snapshot, diags Diagnostics, err error) {
	c := &collector{}
	refuse := func() (*Snapshot, Diagnostics, error) {
		all := c.sorted()
		return nil, all, &LoadError{Name: cfg.Name, Diagnostics: all}
	}
	defer func() {
		if r := recover(); r != nil {
			c.add(Error, nil, "panic", "simplify the policy; if it is valid Rego, report it", "OPA panicked while loading: %s", panicClass(r))
			s, diags, err = refuse()
		}
	}()
	s = &Snapshot{cfg: cfg, loaded: time.Now(), data: src.data, modules: parseModules(c, src)}
	s.revision = policy.Revision{Bundle: cfg.Name, ID: cfg.ID, Hash: revisionHash(src.digest, cfg.Document.Hash(), cfg.Claims.Hash())}
	if c.failed() {
		return refuse()
	}
	s.store = inmem.NewFromObjectWithOpts(src.data, inmem.OptRoundTripOnWrite(true), inmem.OptReturnASTValuesOnRead(true))
	s.compiled = newCompiler()
	if s.compiled.Compile(withoutTests(s.modules)); s.compiled.Failed() {
		c.addOPA(s.compiled.Errors)
		return refuse()
	}
	s.taint = findDependence(s.compiled)
	lint(c, s)
	if c.failed() {
		return refuse()
	}
	s.program = newProgramCompiler()
	if s.program.Compile(rewriteForPlans(s.compiled, s.taint, cfg.mutation)); s.program.Failed() {
		c.addOPA(s.program.Errors)
		return refuse()
	}
	s.reads = findReads(s.taint)
	if err := s.prepare(ctx); err != nil {
		c.add(Error, nil, "prepare", "", "%v", err)
		return refuse()
	}
	s.plans = newPlanCache(cfg.CacheEntries)
	s.probe(ctx, c)
	if !c.failed() && !cfg.SkipTests {
		s.gateTests(ctx, c)
	}
	if c.failed() {
		return refuse()
	}
	return s, c.sorted(), nil
}

func parseModules(c *collector, src *sources) map[string]*ast.Module {
	out := make(map[string]*ast.Module, len(src.modules))
	for _, p := range slices.Sorted(maps.Keys(src.modules)) {
		m, err := ast.ParseModuleWithOpts(p, src.modules[p], ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			c.addOPA(err)
			continue
		}
		if m == nil { // an empty or comment-only file
			continue
		}
		out[p] = m
	}
	return out
}

func withoutTests(modules map[string]*ast.Module) map[string]*ast.Module {
	out := make(map[string]*ast.Module, len(modules))
	for p, m := range modules {
		if !isTest(p) {
			out[p] = m
		}
	}
	return out
}

// Functions that the rewritten policy calls to say that a value must be defined,
// and that a collection is empty; see rewrite.go. Policies cannot call them.
const (
	definedName = "doorward.defined"
	equalName   = "doorward.equal"
)

// banned are built-ins whose answer depends on anything but their operands, or
// that reach outside. A plan made from them could not be cached or repeated, and
// the check of a document could not agree with it.
var banned = []string{
	"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122", "time.now_ns",
	"io.jwt.decode_verify", "rego.parse_module", "rego.metadata.chain", "rego.metadata.rule", "trace",
}

func capabilities() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	caps.Builtins = slices.DeleteFunc(slices.Clone(caps.Builtins), func(b *ast.Builtin) bool {
		return slices.Contains(banned, b.Name) || b.IsNondeterministic()
	})
	caps.AllowNet = []string{}
	return caps
}

func newCompiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1)
}

// newProgramCompiler also knows the functions of the rewritten copy.
func newProgramCompiler() *ast.Compiler {
	c := capabilities()
	c.Builtins = append(c.Builtins, definedBuiltin, equalBuiltin)
	return ast.NewCompiler().WithCapabilities(c).WithDefaultRegoVersion(ast.RegoV1)
}

// prepare compiles the queries that requests evaluate.
func (s *Snapshot) prepare(ctx context.Context) error {
	full := func(query string) (rego.PreparedEvalQuery, error) {
		return rego.New(rego.Query(query), rego.Compiler(s.compiled), rego.Store(s.store),
			rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	}
	var err error
	if s.allow, err = full(accessPath + ".allow"); err != nil {
		return fmt.Errorf("preparing the check: %w", err)
	}
	if hasRule(s.compiled, accessPath+".obligations") {
		q, err := full(accessPath + ".obligations")
		if err != nil {
			return fmt.Errorf("preparing obligations: %w", err)
		}
		s.obligations = &q
	}
	s.points = map[policy.Point]rego.PreparedEvalQuery{}
	for _, p := range [...]policy.Point{policy.PointIngest, policy.PointOutput, policy.PointAdmin} {
		if s.points[p], err = full("data." + string(p)); err != nil {
			return fmt.Errorf("preparing %s: %w", p, err)
		}
	}
	s.partial, err = rego.New(rego.Query(accessPath+".allow == true"), rego.Compiler(s.program), rego.Store(s.store),
		rego.StrictBuiltinErrors(true), defineDefined, defineEqual).PrepareForPartial(ctx)
	if err != nil {
		return fmt.Errorf("preparing the plan: %w", err)
	}
	return nil
}

const accessPath = "data.doorward.access"

func hasRule(c *ast.Compiler, path string) bool {
	return len(c.GetRulesWithPrefix(ast.MustParseRef(path))) > 0
}
