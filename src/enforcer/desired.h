/* SPDX-License-Identifier: ISC */
/*
 * Desired state: what the server placed, joined with the attachments that are proven here, becomes the
 * elements that must be in the enforcement point; the difference to what is there goes to the driver, in one
 * step a batch.
 *
 * A batch that the driver refuses is cut in halves until the attachment is found that it refuses, so that one
 * bad element does not keep the others from their segments. No call here reads a clock.
 */
#pragma once

#include "enforcer/attachments.h"

#define DESIRED_PLACEMENTS_MAX 16384
#define DESIRED_TOLERANCE_MS \
	1500 /* an expiry that is off by less is not worth an update (listings have seconds) */

struct desired;
/* links and driver are kept by reference; so are attachments, which desired_attachment() follows. */
struct desired *desired_new(
        const struct links *links, struct driver *driver, const struct attachments *attachments);
struct desired *desired_free(struct desired *d);

/* Puts the first rules in force: those of `policy` (NULL: a default segment that reaches nothing) over
 * whatever an earlier run left, whose elements are read back, each to restore. Its admissions stay only where
 * its policy was this one: else its marks may mean something else. */
enum desired_beginning { DESIRED_FIRST = 0, DESIRED_CONTINUED, DESIRED_OTHER_POLICY };
int desired_start(struct desired *d, const struct ipc_segments *policy, element_fn restore, void *context,
        time_ms now, struct error *err);
/* The same rules again, because a link came or went that they hang on. */
int desired_reload(struct desired *d, time_ms now, struct error *err);
/* After DESIRED_CONTINUED: the placements that it had saved make precise what was read back. */
void desired_recall(struct desired *d, const struct ipc_place *saved);
/* A new policy, which has passed segments_check(). Placements follow their segment's name to its new mark;
 * those whose segment is gone end. */
int desired_policy(struct desired *d, const struct ipc_segments *policy, time_ms now, struct error *err);
/* The policy in force. */
const struct ipc_segments *desired_segments(const struct desired *d);

/* Takes a batch; call desired_commit() afterwards. A reason is given for each placement that is refused. */
typedef void (*refusal_fn)(
        void *context, const char *port, const struct mac_address *mac, const char *reason);
void desired_place(struct desired *d, const struct ipc_place *batch, refusal_fn refused, void *context);
/* A port belongs to a link, or no longer. */
void desired_port(struct desired *d, uint16_t link, const char *port, bool present);
/* The attachment changed, or is gone: then its placement ends with it. */
void desired_attachment(struct desired *d, const struct attachment *at, bool gone);
/* The server counts as away, or is back. last_floor: until when admissions were known to be current. */
void desired_away(struct desired *d, bool away, time_ms last_floor);
/* Forgets what is over. */
void desired_tick(struct desired *d, time_ms last_floor, time_ms now);

/* Called with each address (or softwire's prefix) whose segment was changed or taken away. */
typedef void (*moved_fn)(void *context, const struct ip_prefix *p);
void desired_on_move(struct desired *d, moved_fn fn, void *context);

/* Makes the enforcement point as desired. Returns the number of elements changed, or a negative errno where
 * something could not be done; refused is told which. */
int desired_commit(struct desired *d, refusal_fn refused, void *context, time_ms now, struct error *err);
size_t desired_pending(const struct desired *d); /* ports and attachments that the next commit looks at */
/* How many attachments are placed. */
size_t desired_placed(const struct desired *d);
uint64_t desired_generation(const struct desired *d);
/* All placements as one PLACE (full), for the state file; the caller clears it with ipc_body_clear(). */
void desired_export(const struct desired *d, struct ipc_place *ret);
/* The segment of an address on any link as the enforcement point has it; 0 = not a node that is proven here.
 */
uint8_t desired_segment_of(const struct desired *d, const struct ip_address *ip, time_ms now);
