/* SPDX-License-Identifier: ISC */
/*
 * XML of strangers, element by element, by expat. A document type declaration is refused, and with it every
 * entity that is not XML's own; depth and texts are bounded.
 */
#pragma once

#include "base/error.h"
#include <stddef.h>

#define XML_DEPTH_MAX 32
#define XML_ELEMENT_TEXT_MAX 65536

struct xml;
struct xml_events {
	/* depth: 1 for the first element. attributes: name, value, ..., NULL. */
	void (*start)(struct xml *x, int depth, const char *name, const char **attributes, void *user);
	/* text: what stood directly behind the element's beginning or the last end within it; NULL: too much.
	 */
	void (*end)(struct xml *x, int depth, const char *name, const char *text, void *user);
};

/* 0, or what xml_stop() said, or -EINVAL where it is not well-formed; the reason begins with the line. */
int xml_read(const char *text, size_t length, const struct xml_events *events, void *user, struct error *err);
/* For an event: nothing follows, and this is the result, negative. */
void xml_stop(struct xml *x, int result, const char *reason);
unsigned long xml_line(const struct xml *x);
const char *xml_attribute(const char **attributes, const char *name); /* "" where there is none */
