package api

import (
	"encoding/json"

	"tokentab/backend/fault"
)

// ReadBulkItem reads an item of a bulk request. refused says that it has the response of an unknown item.
func ReadBulkItem(text []byte) (method, path string, body []byte, refused bool, err error) {
	var item bulkItem
	if err := json.Unmarshal(text, &item); err != nil {
		return "", "", nil, false, err
	}
	wrong := fault.Fields{}
	r := readBulkItem(wrong, "items[0]", item)
	return r.method, r.path, r.body, r.refused != nil, wrong.Err()
}

// What JSON consists of.
var (
	Members      = members
	Elements     = elements
	WithoutSpace = withoutSpace
)

// Encode writes the JSON of a response.
var Encode = encode
