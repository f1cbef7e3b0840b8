package backend

import (
	"context"
	"runtime"

	"tokentab/backend/backup"
	"tokentab/backend/config"
	"tokentab/backend/metrics"
	"tokentab/backend/token"
)

// measured adds all metrics of the program. docs/metrics.md lists them.
func (b *Backend) measured(set *metrics.Set, version string, c config.Config) {
	set.Gauge("tokentab_build_info", "Always 1; the labels say which program this is.", []string{"version", "goversion"}, func(_ context.Context, add metrics.Add) {
		add(1, version, runtime.Version())
	})
	b.measuredValidations(set)
	b.measuredRequests(set)
	b.measuredStore(set, c.DatabaseURL != "")
	b.measuredCopies(set)
	b.measuredTokens(set)
	b.measuredBackups(set)
	b.measuredAuditLog(set)
}

func (b *Backend) measuredValidations(set *metrics.Set) {
	set.Counter("tokentab_validations_total", "Validations of credentials, by endpoint and verdict.", []string{"endpoint", "verdict"}, func(_ context.Context, add metrics.Add) {
		b.Web.EachValidation(func(n uint64, endpoint, verdict string) { add(float64(n), endpoint, verdict) })
	})
	set.Counter("tokentab_oauth_revocations_total", "Requests to revoke a token at /oauth/revoke, by result.", []string{"result"}, func(_ context.Context, add metrics.Add) {
		b.Web.EachRevocation(func(n uint64, result string) { add(float64(n), result) })
	})
	set.Histogram("tokentab_validation_duration_seconds", "Time from the headers of a request to its verdict, at validate and ping. Of each sixteen requests of a connection, the first is timed.", nil, func(add func(*metrics.Histogram, ...string)) {
		add(b.Web.ValidationTimes())
	})
	set.Counter("tokentab_cache_hits_total", "Secrets that the validation cache knew, known to be valid or not.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.CacheStats().Hits))
	})
	set.Counter("tokentab_cache_misses_total", "Secrets that validation had to look up in the database.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.CacheStats().Misses))
	})
	set.Gauge("tokentab_cache_entries", "Secrets in the validation cache.", []string{"kind"}, func(_ context.Context, add metrics.Add) {
		stats := b.Tokens.CacheStats()
		add(float64(stats.Tokens), "token")
		add(float64(stats.Unknown), "unknown")
	})
	set.Gauge("tokentab_cache_capacity", "Secrets of tokens that the validation cache may hold.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.CacheStats().Most))
	})
	set.Gauge("tokentab_uses_flush_age_seconds", "Time since all uses of tokens were last written, or since the start.", nil, func(_ context.Context, add metrics.Add) {
		add(b.Tokens.FlushAge().Seconds())
	})
	set.Gauge("tokentab_uses_pending", "Uses of tokens that are not written yet: one for each token, secret and hour.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.PendingUses()))
	})
}

func (b *Backend) measuredRequests(set *metrics.Set) {
	set.Counter("tokentab_http_requests_total", "Requests by route and class of status, without those to validation endpoints.", []string{"method", "route", "status"}, func(_ context.Context, add metrics.Add) {
		b.Web.EachRequest(func(n uint64, method, route, status string) { add(float64(n), method, route, status) }, func(*metrics.Histogram, string, string) {})
	})
	set.Histogram("tokentab_http_request_duration_seconds", "Time to answer a request, without sending the response. For streams, the time until they begin.", []string{"method", "route"}, func(add func(*metrics.Histogram, ...string)) {
		b.Web.EachRequest(func(uint64, string, string, string) {}, func(h *metrics.Histogram, method, route string) { add(h, method, route) })
	})
	set.Counter("tokentab_sign_ins_total", "Attempts of admin users to sign in, by result.", []string{"result"}, func(_ context.Context, add metrics.Add) {
		b.Web.API.EachSignIn(func(n uint64, result string) { add(float64(n), result) })
	})
	set.Gauge("tokentab_connections_open", "Open connections.", nil, func(_ context.Context, add metrics.Add) {
		open, _ := b.Web.Connections()
		add(float64(open))
	})
	set.Gauge("tokentab_connections_limit", "Connections that may be open.", nil, func(_ context.Context, add metrics.Add) {
		_, most := b.Web.Connections()
		add(float64(most))
	})
	set.Gauge("tokentab_tls_certificate_expiry_seconds", "Time until the TLS certificate expires; negative after that. Only with --tls-cert.", nil, func(_ context.Context, add metrics.Add) {
		if _, end, ok := b.Web.CertificateTimes(); ok {
			add(end.Sub(b.now()).Seconds())
		}
	})
	set.Gauge("tokentab_tls_certificate_lifetime_seconds", "Time from the beginning to the end of the TLS certificate's validity. Only with --tls-cert.", nil, func(_ context.Context, add metrics.Add) {
		if from, end, ok := b.Web.CertificateTimes(); ok {
			add(end.Sub(from).Seconds())
		}
	})
}

func (b *Backend) measuredStore(set *metrics.Set, onPostgres bool) {
	set.Gauge("tokentab_store_ready", "1 if /readyz answers 200, else 0.", nil, func(ctx context.Context, add metrics.Add) {
		ready := 1.0
		if b.store.Ready(ctx) != nil || b.Tokens.LookStats().Failing { // without waiting for a look

			ready = 0
		}
		add(ready)
	})
	set.Histogram("tokentab_store_operation_duration_seconds", "Time of database operations, with waiting.", []string{"operation"}, func(add func(*metrics.Histogram, ...string)) {
		b.store.EachOperation(func(took *metrics.Histogram, _ uint64, kind string) { add(took, kind) })
	})
	set.Counter("tokentab_store_failures_total", "Database operations that failed.", []string{"operation"}, func(_ context.Context, add metrics.Add) {
		b.store.EachOperation(func(_ *metrics.Histogram, failed uint64, kind string) { add(float64(failed), kind) })
	})
	type size struct {
		name, help string
		of         func() int64
	}
	sizes := []size{
		{"tokentab_database_size_bytes", "Size of the database.", func() int64 { return b.store.Sizes().Database }},
		{"tokentab_database_wal_size_bytes", "Size of the database's write-ahead log.", func() int64 { return b.store.Sizes().WAL }},
		{"tokentab_disk_free_bytes", "Free space of the data folder's file system.", func() int64 { return b.store.Sizes().Free }},
		{"tokentab_disk_size_bytes", "Size of the data folder's file system.", func() int64 { return b.store.Sizes().Disk }},
	}
	if onPostgres {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		set.Gauge(size.name, size.help, nil, func(_ context.Context, add metrics.Add) { add(float64(size.of())) })
	}
	set.Gauge("tokentab_activity_size_bytes", "Size of what agents reported, within the database.", nil, func(ctx context.Context, add metrics.Add) {
		if size, err := b.store.Activity.Size(ctx); err == nil {
			add(float64(size))
		}
	})
}

// measuredCopies adds the metrics of a server that shares its database with others. They stay 0 on SQLite.
func (b *Backend) measuredCopies(set *metrics.Set) {
	set.Counter("tokentab_looks_total", "Queries for what other copies on one Postgres have changed.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.LookStats().Looks))
	})
	set.Counter("tokentab_looks_failed_total", "Such queries that failed or took too long.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.LookStats().Failed))
	})
	set.Gauge("tokentab_look_waiting", "Validations that wait for such a query now.", nil, func(_ context.Context, add metrics.Add) {
		add(float64(b.Tokens.LookStats().Waiting))
	})
}

func (b *Backend) measuredTokens(set *metrics.Set) {
	of := func(name, help string, labels []string, read func(c *token.Census, add metrics.Add)) {
		set.Gauge(name, help, labels, func(ctx context.Context, add metrics.Add) {
			if census, err := b.Tokens.Census(ctx); err == nil {
				read(&census, add)
			}
		})
	}
	of("tokentab_tokens", "API tokens by state. All metrics of tokens may be 30 seconds old, or a hundred times as old as counting takes.", []string{"state"}, func(c *token.Census, add metrics.Add) {
		add(float64(c.Active), "active")
		add(float64(c.Suspended), "suspended")
		add(float64(c.Expired), "expired")
		add(float64(c.Revoked), "revoked")
	})
	of("tokentab_tokens_expiring", "API tokens that expire within 14 days.", nil, func(c *token.Census, add metrics.Add) { add(float64(c.Expiring)) })
	of("tokentab_tokens_unused", "API tokens that are neither expired nor revoked and were not used for 90 days.", nil, func(c *token.Census, add metrics.Add) { add(float64(c.Unused)) })
	of("tokentab_token_moves", "Large changes of tokens, such as the end of an environment, that are still being written.", nil, func(c *token.Census, add metrics.Add) { add(float64(c.Moves)) })
	of("tokentab_token_next_expiry_seconds", "Time until the next API token expires; absent if there is none.", nil, func(c *token.Census, add metrics.Add) {
		if !c.NextExpiry.IsZero() {
			add(max(0, c.NextExpiry.Sub(b.now())).Seconds())
		}
	})
}

func (b *Backend) measuredBackups(set *metrics.Set) {
	of := func(name, help string, read func(facts *backup.Facts, add metrics.Add)) {
		set.Gauge(name, help, nil, func(ctx context.Context, add metrics.Add) {
			if facts, err := b.Backups.Facts(ctx); err == nil {
				read(&facts, add)
			}
		})
	}
	of("tokentab_backup_age_seconds", "Time since the last proven backup; absent if there is none, or if its time is in the future.", func(facts *backup.Facts, add metrics.Add) {
		if age, known := facts.Age(b.now()); known {
			add(age.Seconds())
		}
	})
	of("tokentab_backup_size_bytes", "Size of the last proven backup; absent if there is none.", func(facts *backup.Facts, add metrics.Add) {
		if !facts.ProvenAt.IsZero() {
			add(float64(facts.Bytes))
		}
	})
	of("tokentab_backup_failed", "1 if the last attempt to make a backup failed, else 0.", func(facts *backup.Facts, add metrics.Add) {
		failed := 0.0
		if !facts.FailedAt.IsZero() {
			failed = 1
		}
		add(failed)
	})
}
