-- +goose Up
-- The browsers and networks that have signed an admin user in. Their wrong tries are counted apart from those of
-- strangers.
CREATE TABLE sign_in_sources (
    admin_user_id TEXT   NOT NULL REFERENCES admin_users (id) ON DELETE CASCADE,
    source        TEXT   NOT NULL, -- a hash of the admin user and the browser or the network
    seen_at       BIGINT NOT NULL, -- the last sign-in
    PRIMARY KEY (admin_user_id, source)
) WITHOUT ROWID;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
