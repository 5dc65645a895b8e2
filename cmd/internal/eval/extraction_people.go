package eval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// ordinary records the sessions of users who work with the collection: each has
// two to four topics he comes back to, asks follow-up questions with words of
// what he was given, looks elsewhere now and then, and sometimes quotes a
// passage. A session is a day: the number of questions is log-normal with a
// median of six, up to eighty.
func (h *hall) ordinary(ctx context.Context) ([][]step, error) {
	out := make([][]step, h.o.Sessions)
	for i := range out {
		u := &person{hall: h, r: rng(h.o.Seed+uint64(i), "person")}
		for range 2 + u.r.IntN(3) {
			u.interests = append(u.interests, u.interest())
		}
		var err error
		if out[i], err = u.session(ctx, time.Duration(u.r.IntN(3600))*time.Second); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// session is what a person asks from a time of the day on.
func (u *person) session(ctx context.Context, at time.Duration) ([]step, error) {
	var out []step
	n := int(min(80, max(1, 6*math.Exp(.9*u.r.NormFloat64()))))
	for range n {
		question := u.question()
		given, err := u.search(ctx, question)
		if err != nil {
			return nil, err
		}
		out = append(out, u.step(at, question, given))
		u.last = given
		at += time.Duration(15+u.r.IntN(120)) * time.Second
	}
	return out, nil
}

// Weeks is what ordinary users notice of the quotas in all the days, each with
// sessions enough to use up a day's budget now and then: one that was used up by
// ranging over everything is a week's.
type Weeks struct {
	Users     int `json:"users"`
	Sessions  int `json:"sessions"`
	Questions int `json:"questions"`
	Troubled  int `json:"troubled"` // users who were refused or slowed at least once
	Days      int `json:"days"`     // days of users on which that happened
	Refused   int `json:"refused"`  // questions
}

// weeks follows users through the days: each keeps his two to four topics, takes
// up another now and then, and has none to three sessions a day.
func (h *hall) weeks(ctx context.Context) (Weeks, error) {
	w := Weeks{Users: h.o.Users}
	k, err := keeper(h.o.Quota)
	if err != nil {
		return w, err
	}
	for i := range h.o.Users {
		u := &person{hall: h, r: rng(h.o.Seed+uint64(i), "week")}
		for range 2 + u.r.IntN(3) {
			u.interests = append(u.interests, u.interest())
		}
		days := 0
		for day := range h.o.Days {
			if day > 0 && u.r.Float64() < .2 {
				u.interests[u.r.IntN(len(u.interests))] = u.interest()
			}
			troubled, err := w.day(ctx, k, u, fmt.Sprint("user", i), day)
			if err != nil {
				return w, err
			}
			if troubled {
				days++
			}
		}
		if days > 0 {
			w.Troubled++
		}
		w.Days += days
	}
	return w, nil
}

// day is one user's day; it reports whether he was refused or slowed.
func (w *Weeks) day(ctx context.Context, k *quota.Keeper, u *person, user string, day int) (troubled bool, err error) {
	for n := range u.r.IntN(4) {
		w.Sessions++
		u.last = nil
		session, err := u.session(ctx, time.Duration(n)*3*time.Hour+time.Duration(u.r.IntN(3600))*time.Second)
		if err != nil {
			return false, err
		}
		for _, s := range session {
			refused, slowed, _, err := ask(ctx, k, user, day, s)
			if err != nil {
				return false, err
			}
			w.Questions++
			if refused != "" {
				w.Refused++
			}
			troubled = troubled || refused != "" || slowed
		}
	}
	return troubled, nil
}

// person is one ordinary user.
type person struct {
	*hall
	r         *rand.Rand
	interests [][]int // documents of each of his topics
	topic     int
	last      []passage
}

// interest is a topic: of the made-up corpus one of its own, otherwise a
// document and its neighbours in the corpus.
func (u *person) interest() []int {
	if len(u.topics) > 0 {
		return u.topics[u.r.IntN(len(u.topics))]
	}
	return []int{u.r.IntN(len(u.set.corpus))}
}

func (u *person) question() string {
	switch p := u.r.Float64(); {
	case p < .05 && len(u.last) > 0: // he quotes
		words := strings.Fields(u.last[0].text)
		from := u.r.IntN(max(1, len(words)-9))
		return "what does it mean that " + strings.Join(words[from:min(len(words), from+8)], " ")
	case p < .50 && len(u.last) > 0: // he follows up
		p := u.last[u.r.IntN(min(3, len(u.last)))]
		return "and the " + strings.Join(some(u.r, p.text, 4), " ")
	case p < .60: // he looks elsewhere
		return "what about " + strings.Join(some(u.r, u.set.corpus[u.r.IntN(len(u.set.corpus))].Text, 4), " ")
	case p < .75: // he goes on to another of his topics
		u.topic = u.r.IntN(len(u.interests))
	}
	documents := u.interests[u.topic]
	return "how is the " + strings.Join(some(u.r, u.set.corpus[documents[u.r.IntN(len(documents))]].Text, 5), " ")
}

// some are n words of a text that are not the shortest.
func some(r *rand.Rand, text string, n int) []string {
	words := strings.Fields(text)
	var out []string
	for range 4 * n {
		if len(words) == 0 || len(out) == n {
			break
		}
		if w := words[r.IntN(len(words))]; len(w) > 4 {
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return []string{fmt.Sprint("item", r.IntN(1000))}
	}
	return out
}
