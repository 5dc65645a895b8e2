package quota

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"time"
)

// State is what is kept under one key: of a backend its buckets, of a user his
// buckets, what he read today and how he has been asking, of a tenant its usual
// questions. Its zero value is a caller never seen.
type State struct {
	Requests bucket  `json:"r,omitzero"`
	Passages bucket  `json:"p,omitzero"`
	Tokens   bucket  `json:"t,omitzero"`
	Leases   []lease `json:"l,omitempty"`

	Day      int64   `json:"d,omitempty"` // since 1970, UTC; never goes back
	Seen     wide    `json:"s,omitempty"` // chunks released on Day, in order of release
	Released int     `json:"x,omitempty"` // chunks released on Day, counting each time
	Strikes  int     `json:"k,omitempty"` // for days on which the budget was used up, forgiven one a week
	Struck   int64   `json:"K,omitempty"` // the last of them
	Cap      int     `json:"c,omitempty"` // what the budget of that day was when it was used up
	Before   int     `json:"b,omitempty"` // strikes before it
	Week     bool    `json:"W,omitempty"` // what was left of that day is for a week
	Recent   []asked `json:"q,omitempty"` // oldest first, at most window
	Runs     narrow  `json:"u,omitempty"` // of what was released, a ring of maxKept
	Next     int     `json:"n,omitempty"` // where the ring goes on
	Alarmed  int64   `json:"a,omitempty"` // the day the last alarm was raised on

	Usual  *profile  `json:"U,omitempty"`
	Unsaid int       `json:"w,omitempty"` // requests not yet told to the tenant's profile
	Used   time.Time `json:"-"`           // for stores that forget
}

// asked is one request, as patterns are read from.
type asked struct {
	Words    narrow `json:"w,omitempty"`
	Quotes   bool   `json:"q,omitempty"` // it repeats what was released before
	New, Old int    `json:",omitempty"`  // chunks released, never and already seen
}

// lease is a request under way; it lapses by itself if its process dies.
type lease struct {
	ID    uint64 `json:"i"`
	Until int64  `json:"u"` // Unix seconds
}

// longest a request counts as under way.
const leaseLife = 2 * time.Minute

// under drops what lapsed and counts the rest.
func (s *State) under(now time.Time) int {
	s.Leases = slices.DeleteFunc(s.Leases, func(l lease) bool { return l.Until <= now.Unix() || l.Until > now.Add(2*leaseLife).Unix() })
	return len(s.Leases)
}

func (s *State) end(id uint64) {
	s.Leases = slices.DeleteFunc(s.Leases, func(l lease) bool { return l.ID == id })
}

// today turns the day over. A clock that is set back does not bring a fresh
// budget. Where a day's budget is for a week, what was read then stays known, and
// may be read again, until the week is over.
func (s *State) today(now time.Time) {
	day := now.Unix() / 86400
	if day <= s.Day {
		return
	}
	s.Day = day
	if s.held() {
		return
	}
	s.Seen, s.Recent, s.Released, s.Week, s.Cap = nil, nil, 0, false, 0
	if weeks := int((day - s.Struck) / week); s.Strikes > 0 && weeks > 0 {
		s.Strikes = max(0, s.Strikes-weeks)
		s.Struck += int64(weeks) * week
	}
}

// week is how many days a budget lasts that was used up by a walk, or by ranging
// over everything.
const week = 7

// held reports that it still does.
func (s *State) held() bool { return s.Week && s.Day < s.Struck+week }

// struck reports that today's budget was used up.
func (s *State) struck() bool { return s.Struck == s.Day && s.Cap > 0 }

// strike marks a day on which the budget was used up, once. walked says that it
// was by a walk, or by ranging over everything.
func (s *State) strike(budget int, walked bool) {
	if s.struck() {
		return
	}
	n := 1
	if walked {
		n = 2
	}
	s.Cap, s.Before, s.Strikes, s.Struck, s.Week = budget, s.Strikes, min(s.Strikes+n, maxStrikes), s.Day, walked
}

// maxStrikes leaves a sixteenth.
const maxStrikes = 4

// budget is today's share of the coverage limit: halved for every strike of the
// days before, so that patience does not add up.
func (s *State) budget(limit int) int {
	n := s.Strikes
	if s.struck() {
		n = s.Before // today's own counts from tomorrow
	}
	return max(1, limit>>n)
}

// thin forgets half of what was seen today when it is much. Without a budget it is
// for patterns only, and whoever reads all day must not be remembered without end.
func (s *State) thin() {
	if over := len(s.Seen) - mostSeen; over > 0 {
		s.Seen = append(wide(nil), s.Seen[len(s.Seen)/2:]...)
		s.Released /= 2
	}
}

// mostSeen is how many chunks are remembered where coverage is not bounded.
const mostSeen = 4096

// keep remembers runs of released text, the oldest making room.
func (s *State) keep(runs []uint32) {
	for _, r := range runs {
		if len(s.Runs) < maxKept {
			s.Runs = append(s.Runs, r)
			continue
		}
		s.Runs[s.Next%maxKept] = r
		s.Next++
	}
}

// maxKept is how many runs are known again: a quarter of what about fifty
// passages hold.
const maxKept = 2048

// bucket is a token bucket that may be overdrawn by what a request turned out to
// cost; nothing is taken while it is.
type bucket struct {
	Level float64 `json:"l"`
	At    int64   `json:"a"` // Unix milliseconds; 0: full
}

// refill brings the bucket up to now. A clock set back refills nothing.
func (b *bucket) refill(r Rate, now time.Time) {
	at := now.UnixMilli()
	if b.At == 0 {
		b.Level = r.burst()
	} else if passed := at - b.At; passed > 0 {
		b.Level += float64(passed) / 60_000 * r.PerMinute
	}
	b.Level, b.At = min(b.Level, r.burst()), at
}

// wait is how long until n could be taken, 0 if it can now.
func (b *bucket) wait(r Rate, n float64) time.Duration {
	if r.PerMinute <= 0 || b.Level >= n {
		return 0
	}
	return time.Duration((n - b.Level) / r.PerMinute * float64(time.Minute))
}

// narrow and wide are lists of hashes, packed in JSON.
type (
	narrow []uint32
	wide   []uint64
)

// MarshalJSON implements json.Marshaler.
func (n narrow) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(n))
	for _, x := range n {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return json.Marshal(b)
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *narrow) UnmarshalJSON(data []byte) error {
	var b []byte
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	*n = make(narrow, 0, len(b)/4)
	for ; len(b) >= 4; b = b[4:] {
		*n = append(*n, binary.LittleEndian.Uint32(b))
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (n wide) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(n))
	for _, x := range n {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return json.Marshal(b)
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *wide) UnmarshalJSON(data []byte) error {
	var b []byte
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	*n = make(wide, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		*n = append(*n, binary.LittleEndian.Uint64(b))
	}
	return nil
}
