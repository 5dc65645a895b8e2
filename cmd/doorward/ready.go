package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// readiness is what the operator listener answers to /readyz.
type readiness struct {
	Status string `json:"status"` // ready, not ready, draining; unreachable: nobody answers
	Parts  []struct {
		Part    string `json:"part"`
		OK      bool   `json:"ok"`
		Trouble string `json:"trouble,omitempty"`
	} `json:"parts"`
	Error string `json:"error,omitempty"` // why nobody answers
}

// maxReadiness bounds what is read of an answer, in bytes: whoever answers may be
// somebody else.
const maxReadiness = 1 << 20

// askEvery is how long --wait pauses between two questions.
const askEvery = 250 * time.Millisecond

func readyCommand(g *global) *cobra.Command {
	var timeout, wait time.Duration
	c := &cobra.Command{
		Use: "ready", Short: "Say whether the running service can answer, and which part cannot", Args: noArgs,
		Long: `Asks the service's operator listener (listen.operator, on this machine) whether it
is ready, and prints the parts that are not. It exits with 0 if the service is ready
and with 1 if it is not, drains, or does not answer, so that it can be the health
check of a container, whose image holds nothing else. It reads the configuration
alone: no data, no keys.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if timeout <= 0 || wait < 0 {
				return usage("--timeout must be above 0, --wait 0 or above, as in 5s")
			}
			r := askReady(c.Context(), cfg.Listen.Operator, timeout)
			for until := time.Now().Add(wait); r.Status != "ready" && time.Now().Before(until); {
				select {
				case <-c.Context().Done():
					return c.Context().Err()
				case <-time.After(askEvery):
				}
				r = askReady(c.Context(), cfg.Listen.Operator, timeout)
			}
			return r.print(c.OutOrStdout(), g.json)
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 4*time.Second, "how long to wait for an answer; each part has 3 s")
	c.Flags().DurationVar(&wait, "wait", 0, "ask again until it is ready, at most for so long")
	return c
}

// askReady asks the operator listener at address, which is plain HTTP over loopback.
func askReady(ctx context.Context, address string, timeout time.Duration) readiness {
	unreachable := func(format string, args ...any) readiness {
		return readiness{Status: "unreachable", Error: fmt.Sprintf(format, args...)}
	}
	if strings.HasSuffix(address, ":0") {
		return unreachable("listen.operator is %s, a port that nobody can know; configure one", address)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return unreachable("listen.operator is no address: %s", address)
	}
	// Neither a proxy nor another address may answer for the service.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	switch op := (*net.OpError)(nil); {
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable("%s (listen.operator) did not answer within %s", address, timeout)
	case errors.As(err, &op):
		return unreachable("nobody answers at %s (listen.operator): %v; is `doorward serve` running, with this configuration?", address, op.Err)
	case err != nil:
		return unreachable("asking %s (listen.operator): %v", address, err)
	}
	defer answer.Body.Close()
	var r readiness
	err = json.NewDecoder(io.LimitReader(answer.Body, maxReadiness)).Decode(&r)
	ready := r.Status == "ready"
	if err != nil || r.Status == "" || ready != (answer.StatusCode == http.StatusOK) || len(r.Parts) == 0 {
		return unreachable("what answers at %s (listen.operator) with status %d is no operator listener of Doorward", address, answer.StatusCode)
	}
	return r
}

// print says what was found; all but ready is exit code 1.
func (r readiness) print(out io.Writer, asJSON bool) error {
	switch {
	case asJSON:
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	case r.Error != "":
		return errors.New(r.Error)
	default:
		fmt.Fprintln(out, r.Status)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, p := range r.Parts {
			if !p.OK {
				fmt.Fprintf(w, "  %s\t%s\n", p.Part, p.Trouble)
			}
		}
		w.Flush()
	}
	if r.Status != "ready" {
		return &exit{code: exitFailed}
	}
	return nil
}
