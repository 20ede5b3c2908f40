#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

#define BIT(id) (UINT64_C(1) << (id))
#define UP_TO(id) ((BIT(id) << 1) - 1)

/* Mount to Accept without Flush and the two xattr messages; each later list adds to it. */
#define FIRST_28                                                                                   \
	(UP_TO(LISAFS_ACCEPT) & ~(BIT(LISAFS_ERROR) | BIT(LISAFS_FLUSH) | BIT(LISAFS_FLISTXATTR) | \
				  BIT(LISAFS_FREMOVEXATTR)))
#define FIRST_29 (FIRST_28 | BIT(LISAFS_CONNECTWITHCREDS))
#define FIRST_30 (FIRST_29 | BIT(LISAFS_RENAMEAT2))
#define FIRST_32 (FIRST_30 | BIT(LISAFS_FLISTXATTR) | BIT(LISAFS_FREMOVEXATTR))

static const struct lisafs_dialect_info dialects[LISAFS_DIALECT_N] = {
	[LISAFS_DIALECT_144] = { "144", LISAFS_STATX_SIZE, 0 },
	[LISAFS_DIALECT_2022_12] = { "2022-12", LISAFS_STATX_SIZE, FIRST_28 },
	[LISAFS_DIALECT_2026_02] = { "2026-02", LISAFS_STATX_SIZE, FIRST_29 },
	[LISAFS_DIALECT_2026_03] = { "2026-03", LISAFS_STATX_SIZE, FIRST_30 },
	[LISAFS_DIALECT_2026_09] = { "2026-09", LISAFS_STATX_SIZE, FIRST_32 },
	[LISAFS_DIALECT_152] = { "152", LISAFS_STATX_152_SIZE, 0 },
};

/* Sizes of Statx that are tried for a peer that speaks neither published size. */
#define STATX_PROBE_LEAST 64u
#define STATX_PROBE_MOST 512u
#define STATX_PROBE_STEP 8u

/* The largest message that a sane gofer publishes: a page to a 64 KiB-page build's huge page. */
#define PUBLISHED_LEAST 4096u
#define PUBLISHED_MOST (1u << 29)

#define FDID_SIZE 8u
#define AROUND_STATX 14u /* control FD before; max_message_size and count behind */

const struct lisafs_dialect_info *lisafs_dialect_info(enum lisafs_dialect d)
{
	return d < LISAFS_DIALECT_N ? &dialects[d] : NULL;
}

/* Whether the payload is a Mount reply whose Statx has this size; the list's ids as bits. */
static bool fits(const uint8_t *payload, size_t n, size_t statx_size, uint64_t *ret_supported)
{
	const uint8_t *at;
	uint64_t supported = 0;
	uint32_t published;
	uint16_t count;

	if (n < AROUND_STATX + statx_size)
		return false;
	at = payload + FDID_SIZE + statx_size;
	memcpy(&published, at, sizeof(published));
	memcpy(&count, at + sizeof(published), sizeof(count));
	published = le32toh(published);
	count = le16toh(count);
	if (n != AROUND_STATX + statx_size + sizeof(uint16_t) * count)
		return false;
	if (published < PUBLISHED_LEAST || published > PUBLISHED_MOST)
		return false;
	at += sizeof(published) + sizeof(count);
	for (uint16_t i = 0; i < count; i++) {
		uint16_t id;

		memcpy(&id, at + sizeof(id) * i, sizeof(id));
		id = le16toh(id);
		if (id < 64)
			supported |= BIT(id);
	}
	*ret_supported = supported;
	return true;
}

static enum lisafs_dialect by_list(uint64_t supported)
{
	for (unsigned d = 0; d < LISAFS_DIALECT_N; d++) {
		if (dialects[d].supported != 0 && dialects[d].supported == supported)
			return d;
	}
	return LISAFS_DIALECT_144;
}

int lisafs_dialect_detect(const void *payload, size_t n, enum lisafs_dialect *ret,
			  struct lisafs_fault *fault)
{
	struct lisafs_fault unseen = { 0 };
	uint64_t supported;

	if (fits(payload, n, LISAFS_STATX_SIZE, &supported)) {
		*ret = by_list(supported);
		return 0;
	}
	/* Beyond 144 a list must begin to make sense: a cut reply may look like another size's. */
	if (fits(payload, n, LISAFS_STATX_152_SIZE, &supported) &&
	    (supported & BIT(LISAFS_MOUNT))) {
		*ret = LISAFS_DIALECT_152;
		return 0;
	}
	if (!fault)
		fault = &unseen;
	*fault = (struct lisafs_fault){ .code = -EPROTO,
					.field = "stat",
					.outer = "root",
					.offset = FDID_SIZE,
					.id = LISAFS_MOUNT,
					.direction = LISAFS_REPLY };
	for (size_t s = STATX_PROBE_LEAST; s <= STATX_PROBE_MOST; s += STATX_PROBE_STEP) {
		if (fits(payload, n, s, &supported) && (supported & BIT(LISAFS_MOUNT))) {
			fault->code = -EPROTONOSUPPORT;
			fault->value = s;
			break;
		}
	}
	return fault->code;
}
