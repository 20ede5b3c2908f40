/* Replies held against what was asked. Private to this folder. */
#ifndef FAKEGOFER_CLIENT_REPLY_H
#define FAKEGOFER_CLIENT_REPLY_H

#include "fakegofer/lisafs/lisafs.h"

/* What makes this reply to this request impossible, NULL where nothing does. Both are decoded. */
const char *reply_breach(const struct lisafs_message *request, const struct lisafs_message *reply);

#endif
