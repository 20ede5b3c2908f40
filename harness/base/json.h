/*
 * json-c with errors that name the place. Getters look up KEY in OBJ and fail with -EBADMSG and
 * "KEY: missing" or "KEY: not a string" unless stated; callers wrap the error with the place.
 */
#ifndef HX_BASE_JSON_H
#define HX_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/cleanup.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#define JSON_DEPTH_LIMIT 32
#define JSON_TEXT_LIMIT (64u << 20) /* bytes in one document */

static inline void json_putp(struct json_object **o)
{
	json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)

/* Parses one whole document; trailing text other than white space is an error. */
int json_parse(const char *text, size_t n, struct json_object **ret_o, struct hx_error *err);

/* Borrowed results: they live as long as obj. */
int json_get_string(struct json_object *obj, const char *key, const char **ret,
		    struct hx_error *err);
int json_get_int(struct json_object *obj, const char *key, int64_t *ret, struct hx_error *err);
int json_get_bool(struct json_object *obj, const char *key, bool *ret, struct hx_error *err);
int json_get_array(struct json_object *obj, const char *key, struct json_object **ret,
		   struct hx_error *err);
int json_get_object(struct json_object *obj, const char *key, struct json_object **ret,
		    struct hx_error *err);
/* The value, or fallback where the key is absent or of another type. */
const char *json_string_or(struct json_object *obj, const char *key, const char *fallback);
int64_t json_int_or(struct json_object *obj, const char *key, int64_t fallback);
bool json_bool_or(struct json_object *obj, const char *key, bool fallback);

/* Builders return 0 or -ENOMEM; NULL text adds nothing. */
int json_add_string(struct json_object *obj, const char *key, const char *text);
int json_add_string_n(struct json_object *obj, const char *key, const char *text, size_t n);
int json_add_int(struct json_object *obj, const char *key, int64_t v);
int json_add_bool(struct json_object *obj, const char *key, bool v);
int json_add_strv(struct json_object *obj, const char *key, const struct strv *v);
/* Adds child and owns it, on failure too. */
int json_add(struct json_object *obj, const char *key, struct json_object *child);
int json_push(struct json_object *array, struct json_object *child);
int json_push_string(struct json_object *array, const char *text);
/* Appends every string of array KEY to v; an absent key adds nothing. */
int json_get_strv(struct json_object *obj, const char *key, struct strv *v, struct hx_error *err);
/* One line, no blanks, slashes unescaped; NULL without memory. Owned by o. */
const char *json_line(struct json_object *o);

#endif
