/* SPDX-License-Identifier: ISC */
#include "vuln/xml.h"

#include "base/cursor.h"

#include <errno.h>
#include <expat.h>
#include <string.h>

#define PIECE 65536 /* given to expat at a time, so that it stops soon */

struct xml {
	XML_Parser parser;
	const struct xml_events *events;
	void *user;
	int depth, result;
	struct writer text; /* of the element at hand */
	struct error err;
};

void xml_stop(struct xml *x, int result, const char *reason)
{
	if (x->result == 0)
		x->result = error_set(&x->err, result, "line %lu: %s", xml_line(x), reason);
	(void)XML_StopParser(x->parser, XML_FALSE);
}

unsigned long xml_line(const struct xml *x)
{
	return XML_GetCurrentLineNumber(x->parser);
}

const char *xml_attribute(const char **attributes, const char *name)
{
	for (; attributes[0]; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return "";
}

static void XMLCALL on_start(void *user, const char *name, const char **attributes)
{
	struct xml *x = user;
	wr_reset(&x->text);
	if (++x->depth > XML_DEPTH_MAX)
		xml_stop(x, -EINVAL, "elements too deep in each other");
	else if (x->result == 0)
		x->events->start(x, x->depth, name, attributes, x->user);
}

static void XMLCALL on_end(void *user, const char *name)
{
	struct xml *x = user;
	wr_u8(&x->text, 0);
	if (x->result == 0)
		x->events->end(
		        x, x->depth, name, wr_failed(&x->text) ? NULL : (const char *)x->text.data, x->user);
	x->depth--;
	wr_reset(&x->text);
}

static void XMLCALL on_text(void *user, const char *text, int length)
{
	struct xml *x = user;
	wr_bytes(&x->text, text, (size_t)length);
}

static void XMLCALL on_doctype(
        void *user, const char *name, const char *system, const char *public, int has_internal_subset)
{
	xml_stop(user, -EINVAL, "a document type declaration, which no such file has");
}

static void run(struct xml *x, const char *text, size_t length)
{
	for (size_t at = 0; x->result == 0 && at <= length; at += PIECE) {
		int n = (int)MIN((size_t)PIECE, length - at);
		bool last = at + PIECE > length;
		if (XML_Parse(x->parser, text + at, n, last) == XML_STATUS_ERROR && x->result == 0)
			xml_stop(x, -EINVAL, XML_ErrorString(XML_GetErrorCode(x->parser)));
	}
}

int xml_read(const char *text, size_t length, const struct xml_events *events, void *user, struct error *err)
{
	struct xml x = { .parser = XML_ParserCreate(NULL),
		.events = events,
		.user = user,
		.text = wr_make(XML_ELEMENT_TEXT_MAX) };
	if (!x.parser)
		return error_set(err, -ENOMEM, "out of memory");
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, on_start, on_end);
	XML_SetCharacterDataHandler(x.parser, on_text);
	XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
	run(&x, text, length);
	if (x.result < 0)
		(void)error_set(err, x.result, "%s", x.err.text);
	XML_ParserFree(x.parser);
	wr_free(&x.text);
	return x.result;
}
