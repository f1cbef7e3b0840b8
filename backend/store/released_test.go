package store

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"path"
	"testing"
)

// released holds the SHA-256 of each released migration. Never change a line: a database applies each migration once,
// so a changed one would reach only new databases. Fix a mistake with a new migration.
var released = map[string]string{
	"00001_first.sql":               "77ddd8f29cc77047d0e06349ac4bd1e7be190c9e3010ba690d4b8836c4dac7c6",
	"00002_status_lists.sql":        "f6ae1e2dca377f5eedf9524307c879ecd0ed69dc31c24520dab6541dd2d80bfc",
	"00003_token_uses.sql":          "2d7cd95a9aea9133aa095f326bbef2b1dada4c602ac3d812a158dc940c9f8f52",
	"00004_noted_uses.sql":          "629aca3b9124bf97942c57962ff2e74746547f37f5f609bb3afbe91a02279dc4",
	"00005_revocations.sql":         "f33f1a548ca62612d627e22a143e11bd00690100ec851a969a3ca2b21a6e5a6b",
	"00006_sign_in_sources.sql":     "b99a9019e81b05f4831070d316e00627d1fdeabff975a515455fd91f6d97c649",
	"00007_invite_makers.sql":       "2afb2df2018169d0a9d3d50b520282da3f689c7dbffa4b9506a4c15f35fd1432",
	"00008_token_descendants.sql":   "71fb964da02744c7eb3d4b90391d84e33fd7d92465fec92f8dbe9afa3d14d773",
	"00009_kept_emails.sql":         "e967bb53ce89598fa2b9cdd387be084aefad651f20f647814cde95e3ff7cd944",
	"00010_token_moves.sql":         "d865d221b6dbe277d9c93da0e8e7b6e8ecada5b0db225c7c91a87d8dc4579f7f",
	"00011_key_withdrawal.sql":      "ea3883fac7c0e0a00a758201f42169017ad853c2a63e332ece2d85c35ecee674",
	"00012_kept_entries.sql":        "245b11b692f17735bc8f7e7c1272ee64c63eaf0e8258756c5b5b66c9335f5f75",
	"00013_key_order.sql":           "366232cb8c5902813aa1d69224499151bbe54c41835f8045fdead7c1c8071636",
	"00014_last_uses.sql":           "a19578880bdb2f5e8f4f3f3247be789a91f4d51489fed4f0edbad0b439f55a34",
	"00015_token_changes.sql":       "166e0f99e66b1fc89dc2478d61df811f65137f0c89ca15c53ad8d4f581d9f5bb",
	"00016_expiry_notices.sql":      "36968954d59a654f0639a93c0a646eff933574d2ebb446c0f9f3a46ab1f697f3",
	"00017_old_secrets.sql":         "87bdf5a5cf1d5c0b8ac19e2175b33e1f8f34092916e657f5e10ffb2798ea2d20",
	"00018_use_counts.sql":          "fc093e5d24da42143dc4b1810a7e61cb0b48c1f637ac545a3249fb9cdd37e92e",
	"00019_event_subjects.sql":      "53d18861cacdc196603cb859b059375cb3110f4a51a7335978f1b05bd70c6367",
	"00020_expiry_index.sql":        "9041c3a50f9e598a7b9cedcaea6b5576241351d00efe2c17d5c07a9d435b393b",
	"00021_agent_activity.sql":      "889f4dea35e105b932c91d9382f0d3ec3897f9b43ad7103b578ca7aa0809e756",
	"00022_environment_order.sql":   "fd24a93f1ffc159087cae728932bc129f88dea696f95039075d86c3afcc12ac2",
	"00023_roles.sql":               "e40246e934d7fa9c667f690339e2f4c6866b996c1590c28698b67a03d771f2a7",
	"00024_member_notices.sql":      "13f19777a549d62293354f289bad4348eb6b712b99b1a6cb51c69859dbf27c0c",
	"00025_restored_lists.sql":      "a9ef0b94e7ae28fa2a91d2f2feacdc7a148cc01a109b2c490829b85416437f60",
	"00026_instance_lists.sql":      "79ca3625eb6e7eb48b6a424cb4c560d0c26957aa49a5787f40f67ee9cf5e7dc0",
	"00027_registered_versions.sql": "845f828f1d0588d14ffe7b6ff653e4821f2cb7662db0d184b58efcf3a3a845e2",
	"00028_audit_chain.sql":         "5e77f74fa79b58405a31fd3c20a003f56a4636a8408ed0f2e44ee8565e202833",
	"00029_audit_filters.sql":       "fd5d1b19a15e749ff8735ad695408cfc9b5d345319a3410b59e3e1c601a24207",
	"00030_use_writers.sql":         "5ea2f152ebd20fbc80edca024531e477cc1a375f077fccbebec33fd8eceddb88",
	"00031_audit_actors.sql":        "d3f663f633040fadcd5cd48c7c9cff9986bd0c7e1718e91b53390233f6e89215",
	"00032_audit_log.sql":           "e1aa24c75eb2b5e230aa8b64cfb8f0a747dd1b8ed4dbc16064638a8dd98a3aa7",
	"00033_status_changes.sql":      "0b325b039135b947e66dfb084ef1a844cb89a506a527e88d913e48bc6b91f924",
	"00034_audit_actor_lists.sql":   "c251efc5d86e3824fc846e71288d72167a8bccd0cf21a2b6bb3432e80e1d9b76",
	"00035_activity_shares.sql":     "0c15a449c3e00d38676d480a3537bacf83c2dd23e76d405259d9df4bc776be89",
	"00036_invite_mails.sql":        "bc8c6c1c4be179f989954a2d5f86c9a6537a32c3714c39b0db3389a5d3fdc224",
	"00037_webhook_setters.sql":     "06fcc3a8492da0b68cdb1843e9ec895cd22190574dbb31dfa0e1785788ce9a96",
	"00038_instance_bytes.sql":      "36147b735847057e5624839a57b7a726b8a47c7301f4fb1cd4152fd56ba86130",

	"postgres/00030_first.sql":             "aeb7117349aa98cb69146af8116d3d1565f9ae5aae2769452595fe38061b2666",
	"postgres/00031_audit_actors.sql":      "1d1f9423844bc45e96a24edcb6c678b4c2cbe7fc31c8b8227b68dacd5a1f7f6c",
	"postgres/00032_audit_log.sql":         "66e2699b3ebe8eac08c100ba1178608c394460f0765616a04bc52a1dad0ce5ab",
	"postgres/00033_status_changes.sql":    "760e6ad37a167ffef6ce3af730335af054d1ad4f6e888984f2d34369d1670bbf",
	"postgres/00034_audit_actor_lists.sql": "349e6306cea5d1e894d245ddd1a33b2431d7798f6c86b42df76e33af59e2985f",
	"postgres/00035_activity_shares.sql":   "5a9ce263816ef7c18d075daa66949e9a92fe0c36bb8542abebb3784a8383960f",
	"postgres/00036_invite_mails.sql":      "78c17b79c7354be1a7a5210ec3be381d6afad6d74ca2d6de611860b326720000",
	"postgres/00037_webhook_setters.sql":   "0359383a38421bfdf15e9cddfe7a19075305bf7f386e62dc10f8801964932573",
	"postgres/00038_instance_bytes.sql":    "6ba427354800216e08fd166bf295dee7b22bd7bc5197d75c5892670c46c8437b",
}

func TestReleasedMigrationsNeverChange(t *testing.T) {
	missing := maps.Clone(released)
	for folder, files := range map[string]fs.FS{"": below(migrations, "migrations"), "postgres": postgresMigrations} {
		names, err := fs.Glob(files, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		numbers := map[string]string{}
		for _, name := range names {
			content, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if other := numbers[name[:5]]; other != "" {
				t.Errorf("%s has the number of %s: take the next free one", name, other)
			}
			numbers[name[:5]] = name
			name = path.Join(folder, name)
			sum := sha256.Sum256(content)
			switch have := hex.EncodeToString(sum[:]); released[name] {
			case have:
			case "":
				t.Errorf("%s is new. When it is final, add it to released in backend/store/released_test.go:\n\t%q: %q,", name, name, have)
			default:
				t.Errorf("%s was changed after its release. Undo that and write another migration: databases that have applied it don't apply it again.", name)
			}
			delete(missing, name)
		}
	}
	for name := range missing {
		t.Errorf("%s was removed after its release: databases that have applied it need it", name)
	}
}
