package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// spanRow is a span as its row has it.
type spanRow struct {
	activity.Span
	number, instance int64
	created          activity.Status // its status when it was created
	payload, result  packed
	encodings        encodings
	size             int
}

// encodings are the values of sensitive_encoding that a create and a finish sent, in this order.
type encodings []json.RawMessage

// Scan implements sql.Scanner.
func (e *encodings) Scan(value any) error {
	if value == nil {
		*e = nil
		return nil
	}
	return document{(*[]json.RawMessage)(e)}.Scan(value)
}

// Value implements driver.Valuer.
func (e encodings) Value() (driver.Value, error) {
	if e == nil {
		return nil, nil
	}
	text := []byte{'['}
	for i, value := range e { // as they were sent, so without json.Marshal
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, value...)
	}
	return string(append(text, ']')), nil
}

// spanOverhead is about what a span takes in the database beside its payloads, in bytes.
const spanOverhead = 500

func sizeOf(s *spanRow) int {
	n := spanOverhead + len(s.SchemaName) + len(s.payload) + len(s.result)
	for _, e := range s.encodings {
		n += len(e)
	}
	return n
}

const spanColumns = `t.number, t.instance, t.account_id, t.id, i.id, i.agent_id, t.parent_span_id, t.schema_name, t.status, t.created_status,
	t.payload, t.result_payload, t.sensitive_encoding, t.size, t.started_at, t.finished_at, t.inserted_at, t.updated_at`

func (s *spanRow) fields() []any {
	return []any{&s.number, &s.instance, &s.AccountID, &s.ID, &s.InstanceID, &s.AgentID, &s.ParentID, &s.SchemaName, &s.Status, &s.created,
		(*[]byte)(&s.payload), (*[]byte)(&s.result), &s.encodings, &s.size, (*stamp)(&s.StartedAt), (*stamp)(&s.FinishedAt), (*stamp)(&s.InsertedAt), (*stamp)(&s.UpdatedAt)}
}

// unpacked returns the span.
func (s spanRow) unpacked() (span activity.Span, err error) {
	span = s.Span
	if span.Payload, err = s.payload.unpack(); err != nil {
		return span, err
	}
	if span.Result, err = s.result.unpack(); err != nil {
		return span, err
	}
	for _, e := range s.encodings {
		if string(e) != "null" {
			span.SensitiveEncoding = e
		}
	}
	return span, nil
}

// asCreated returns the span as it was when it was created.
func (s spanRow) asCreated() spanRow {
	if s.Status = s.created; !s.Status.IsFinished() {
		s.FinishedAt, s.result = time.Time{}, nil
		s.encodings = s.encodings[:min(1, len(s.encodings))]
	}
	s.UpdatedAt = s.InsertedAt
	return s
}

// spanOf returns a row of the scope; ok is false if there is none.
func spanOf(tx *gorm.DB, scope activity.Scope, where string, args ...any) (row spanRow, ok bool, err error) {
	visible, more := visibleTo(scope)
	err = scan(tx, "SELECT "+spanColumns+" FROM agent_spans t JOIN agent_instances i ON i.number = t.instance "+visible+" WHERE "+where+" LIMIT 1",
		append(more, args...), func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(row.fields()...)
		})
	return row, ok, err
}

// ReportSpans implements activity.SpanStore.
func (s Activity) ReportSpans(ctx context.Context, scope activity.Scope, reports []activity.SpanReport, at time.Time) ([]activity.Reported, error) {
	batch := spanBatch{scope: scope, at: at, rows: make([]spanRow, len(reports)), isNew: make([]bool, len(reports))}
	size := 0
	var work activity.Work
	defer work.Rest()
	work.Begin()
	for i, r := range reports { // packed before the transaction, which others wait for
		row, err := packedRow(r)
		if err != nil {
			return nil, err
		}
		batch.rows[i] = row
		size += row.size
	}
	work.Rest()
	if err := s.checkRoom(ctx, size); err != nil {
		return nil, err
	}
	n := 0
	var failed error
	changed, err := changeIn(ctx, s, scope, func(tx *gorm.DB) (map[pfid.ID]*spanChange, error) {
		if s.remote == nil { // else it waits for the network
			work.Begin()
			defer work.Rest()
		}
		batch.changes = map[pfid.ID]*spanChange{}
		for n = 0; n < len(reports); n++ {
			if failed = batch.report(tx, n, reports[n]); failed != nil {
				break
			}
		}
		// A report that fails has changed nothing. A statement that fails may have ended the transaction.
		if _, isRefusal := errors.AsType[*fault.Error](failed); failed != nil && (n == 0 || !isRefusal) {
			return nil, failed
		}
		return batch.changes, batch.end(tx)
	})
	if err != nil {
		return nil, err
	}
	work.Begin()
	made := make([]activity.Reported, n)
	for i := range made { // after the transaction, which others wait for
		span := batch.rows[i].Span
		if !batch.isNew[i] {
			if span, err = batch.rows[i].unpacked(); err != nil {
				return nil, err
			}
		}
		made[i] = changed[span.InstanceID].to.reported(span)
	}
	return made, failed
}

// packedRow returns the row of a new span, or what a finish writes.
func packedRow(r activity.SpanReport) (row spanRow, err error) {
	row = spanRow{Span: r.Span, created: r.Status}
	encoding, result := r.SensitiveEncoding, r.Result
	if r.Finish != nil {
		result, encoding = r.Finish.Result, nil
	}
	if row.payload, err = pack(r.Payload); err != nil {
		return row, err
	}
	if encoding != nil {
		row.encodings = encodings{encoding}
	}
	row.result, err = pack(result)
	row.size = sizeOf(&row)
	return row, err
}

// spanBatch makes the changes of several reports in one transaction. What they change on their instances is written in the
// end, with one statement for each instance.
type spanBatch struct {
	scope   activity.Scope
	at      time.Time
	rows    []spanRow
	isNew   []bool // by row: whether the batch added it
	changes map[pfid.ID]*spanChange
	order   []pfid.ID // of the instances
}

// change returns the change of an instance.
func (b *spanBatch) change(instance pfid.ID) *spanChange {
	c := b.changes[instance]
	if c == nil {
		c = &spanChange{at: b.at}
		b.changes[instance] = c
		b.order = append(b.order, instance)
	}
	return c
}

// report makes one change. It reads the instance of a new span only with the statements that write: most are new.
func (b *spanBatch) report(tx *gorm.DB, i int, r activity.SpanReport) (err error) {
	row := &b.rows[i]
	if r.Finish != nil {
		b.rows[i], err = b.finish(tx, r, row.result)
		return err
	}
	if b.isNew[i], err = insertSpan(tx, b.scope, row, r.Creation); err != nil {
		return err
	}
	if b.isNew[i] {
		added := b.change(row.InstanceID)
		added.count(row.Status, 1)
		added.bytes += row.size
		return nil
	}
	to, err := reportedTo(tx, b.scope, row.InstanceID)
	if err != nil {
		return err
	}
	row.instance = to.number
	earlier, err := earlierSpan(tx, b.scope, row, r.Creation)
	if err == nil {
		earlier = earlier.asCreated()
		err = earlier.reserve(r.Reserve, 0)
	}
	if err == nil {
		b.rows[i] = earlier
		b.change(earlier.InstanceID)
	}
	return err
}

// reserve calls reserve with the bytes of the row's payloads and more.
func (s *spanRow) reserve(reserve func(bytes int) error, more int) error {
	if reserve == nil {
		return nil
	}
	return reserve(s.payload.unpackedSize() + s.result.unpackedSize() + more)
}

// end writes what changed on the instances and in total.
func (b *spanBatch) end(tx *gorm.DB) (err error) {
	bytes := 0
	for _, id := range b.order {
		c := b.changes[id]
		if c.to, err = c.applyTo(tx, b.scope, id); err != nil {
			return err
		}
		bytes += c.bytes
	}
	return addSpanBytes(tx, bytes)
}

// insertSpan writes a row, unless the scope has no such instance, or there is a row with the creation or the id.
func insertSpan(tx *gorm.DB, scope activity.Scope, s *spanRow, creation activity.Creation) (isNew bool, err error) {
	var key, hash []byte
	if !creation.IsZero() {
		key, hash = creation.Key[:], creation.Hash[:]
	}
	visible, args := visibleTo(scope)
	written, err := exec(tx, `INSERT INTO agent_spans (account_id, id, instance, agent_id, parent_span_id, schema_name, status, created_status, payload, result_payload,
			sensitive_encoding, creation_key, creation_hash, started_at, finished_at, size, inserted_at, updated_at)
		SELECT i.account_id, ?, i.number, i.agent_id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM agent_instances i `+visible+`
		WHERE i.account_id = ? AND i.id = ? ON CONFLICT DO NOTHING`,
		append(append([]any{s.ID, s.ParentID, s.SchemaName, s.Status, s.created, s.payload, s.result,
			s.encodings, key, hash, stamp(s.StartedAt), stamp(s.FinishedAt), s.size, stamp(s.InsertedAt), stamp(s.UpdatedAt)}, args...), s.AccountID, s.InstanceID)...)
	return written == 1, err
}

// earlierSpan returns the row that has the creation or the id already.
func earlierSpan(tx *gorm.DB, scope activity.Scope, s *spanRow, creation activity.Creation) (spanRow, error) {
	if !creation.IsZero() {
		hash, err := value[[]byte](tx, "SELECT creation_hash FROM agent_spans WHERE account_id = ? AND creation_key = ?", s.AccountID, creation.Key[:])
		switch {
		case err != nil:
			return spanRow{}, err
		case hash != nil && [16]byte(hash) != creation.Hash:
			return spanRow{}, fault.New(fault.IdempotencyKeyAlreadyUsed, "This idempotency key was used for another request.")
		case hash != nil:
			return sameSpan(spanOf(tx, scope, "t.account_id = ? AND t.creation_key = ?", s.AccountID, creation.Key[:]))
		}
	}
	return sameSpan(spanOf(tx, scope, "t.account_id = ? AND t.id = ? AND t.instance = ?", s.AccountID, s.ID, s.instance))
}

// sameSpan returns the row, or fault.Validation if it belongs to another instance.
func sameSpan(row spanRow, ok bool, err error) (spanRow, error) {
	if err == nil && !ok {
		err = idTaken()
	}
	return row, err
}

// finish finishes a span and returns its row. A finished one stays as it is.
func (b *spanBatch) finish(tx *gorm.DB, r activity.SpanReport, result packed) (row spanRow, err error) {
	row, ok, err := spanOf(tx, b.scope, "t.account_id = ? AND t.id = ?", b.scope.AccountID, r.ID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such agent span.")
	}
	if err == nil {
		err = row.reserve(r.Reserve, len(r.Finish.Result))
	}
	if err != nil {
		return row, err
	}
	done := b.change(row.InstanceID)
	if row.Status.IsFinished() {
		return row, nil
	}
	before, finish := row, r.Finish
	row.Status, row.result, row.FinishedAt, row.UpdatedAt = finish.Status, result, finish.At, b.at
	if finish.SensitiveEncoding != nil {
		if row.encodings == nil { // so that the finish's is the second
			row.encodings = encodings{json.RawMessage("null")}
		}
		row.encodings = append(row.encodings, finish.SensitiveEncoding)
	}
	row.size = sizeOf(&row)
	done.count(before.Status, -1)
	done.count(row.Status, 1)
	done.bytes += row.size - before.size
	_, err = exec(tx, "UPDATE agent_spans SET status = ?, result_payload = ?, sensitive_encoding = ?, finished_at = ?, size = ?, updated_at = ? WHERE number = ?",
		row.Status, row.result, row.encodings, stamp(row.FinishedAt), row.size, stamp(row.UpdatedAt), row.number)
	return row, err
}

// spanChange is what a change of spans changes on their instance, and in the total of bytes.
type spanChange struct {
	instance int64
	at       time.Time // of the change; zero leaves the instance's last activity unchanged
	counts   [5]int    // by status, in the order of countColumns
	bytes    int
	to       instanceNow // the instance after the change; only of a spanBatch
}

// countColumns are the counters of an instance.
var countColumns = [5]activity.Status{activity.Pending, activity.Active, activity.Complete, activity.Failed, activity.Cancelled}

func (c *spanChange) count(status activity.Status, n int) {
	for i, s := range countColumns {
		if s == status {
			c.counts[i] += n
		}
	}
}

// setCounts changes the counters of an instance.
const setCounts = `UPDATE agent_instances SET pending_spans = pending_spans + ?, active_spans = active_spans + ?, complete_spans = complete_spans + ?,
	failed_spans = failed_spans + ?, cancelled_spans = cancelled_spans + ?, updated_at = COALESCE(?, updated_at) `

func (c *spanChange) values() []any {
	n := &c.counts
	return []any{n[0], n[1], n[2], n[3], n[4], stamp(c.at)}
}

func (c *spanChange) isEmpty() bool { return c.bytes == 0 && c.counts == [5]int{} }

func (c *spanChange) apply(tx *gorm.DB) error {
	if c.isEmpty() {
		return nil
	}
	if _, err := exec(tx, setCounts+"WHERE number = ?", append(c.values(), c.instance)...); err != nil {
		return err
	}
	return addSpanBytes(tx, c.bytes)
}

// applyTo changes the counters of an instance by its id, which belongs to the scope if there is a change. It returns the
// instance.
func (c *spanChange) applyTo(tx *gorm.DB, scope activity.Scope, id pfid.ID) (to instanceNow, err error) {
	if c.isEmpty() {
		return reportedTo(tx, scope, id)
	}
	err = scan(tx, setCounts+"WHERE account_id = ? AND id = ? RETURNING number, agent_id, status, termination_reason",
		append(c.values(), scope.AccountID, id), func(rows *sql.Rows) error {
			return rows.Scan(&to.number, &to.agent, &to.status, (*optional)(&to.reason))
		})
	return to, err
}

func addSpanBytes(tx *gorm.DB, bytes int) error {
	if bytes == 0 {
		return nil
	}
	_, err := exec(tx, "UPDATE activity_size SET bytes = bytes + ?", bytes)
	return err
}

// instanceNow is what spans need to know of their instance.
type instanceNow struct {
	number int64
	agent  pfid.ID
	status activity.Status
	reason string
}

func (i *instanceNow) reported(span activity.Span) activity.Reported {
	span.AgentID = i.agent
	return activity.Reported{Span: span, Terminated: i.status == activity.Terminated, Reason: i.reason}
}

// reportedTo returns an instance of the scope, or fault.Validation.
func reportedTo(tx *gorm.DB, scope activity.Scope, id pfid.ID) (i instanceNow, err error) {
	visible, args := visibleTo(scope)
	ok := false
	err = scan(tx, "SELECT i.number, i.agent_id, i.status, i.termination_reason FROM agent_instances i "+visible+" WHERE i.account_id = ? AND i.id = ?",
		append(args, scope.AccountID, id), func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(&i.number, &i.agent, &i.status, (*optional)(&i.reason))
		})
	if err == nil && !ok {
		err = fault.Field("agent_instance_id", "does not exist")
	}
	return i, err
}
