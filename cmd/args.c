#include "cmd/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/slice.h"

struct parse {
    const struct arg *table;
    arg_handler *on;
    void *context;
    const char *command;
};

static const struct arg *find_long(const struct arg *table, struct slice name)
{
    for (const struct arg *a = table; a->id; a++)
        if (slice_eq(slice_str(a->name), name))
            return a;
    return NULL;
}

static const struct arg *find_short(const struct arg *table, char letter)
{
    for (const struct arg *a = table; a->id; a++)
        if (a->letter == letter)
            return a;
    return NULL;
}

static void help(const char *usage, const struct arg *table)
{
    fputs(usage, stdout);
    puts("\nOptions:");
    for (const struct arg *a = table; a->id; a++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", a->letter ? '-' : ' ', a->letter ? a->letter : ' ',
                 a->letter ? "," : " ", a->name, a->value ? " " : "", a->value ? a->value : "");
        printf("  %-32s %s\n", left, a->help);
    }
    printf("  %-32s %s\n", "    --help", "this text");
}

/* Values from a file: options keep what they are given, as they keep words of the command line. */
static struct kept {
    struct kept *next;
    char text[];
} * kept;

/* NULL: out of memory. */
static const char *keep(struct slice value)
{
    struct kept *k = calloc(1, sizeof *k + value.n + 1);
    if (!k)
        return NULL;
    memcpy(k->text, value.p, value.n);
    k->next = kept;
    kept = k;
    return k->text;
}

/* What stands before a comment: a # at the front or behind a blank. */
static struct slice uncommented(struct slice s)
{
    size_t n = 0;
    while (n < s.n && (s.p[n] != '#' || (n && s.p[n - 1] != ' ' && s.p[n - 1] != '\t')))
        n++;
    return slice_trim(slice_sub(s, 0, n));
}

/* The value, out of its quotes if it stands in such. False: they are not closed, or more than a comment follows. */
static bool unquoted(struct slice s, struct slice *value)
{
    *value = uncommented(s);
    if (!s.n || (s.p[0] != '\'' && s.p[0] != '"'))
        return true;
    size_t end = slice_find(s, s.p[0], 1);
    *value = slice_sub(s, 1, end);
    return end < s.n && !uncommented(slice_trim(slice_sub(s, end + 1, s.n))).n;
}

/* `name = value`, or nothing. False: printed, without the place. */
static bool config_line(struct parse *p, struct slice s)
{
    s = slice_trim(s);
    size_t equals = slice_find(s, '=', 0);
    struct slice name = uncommented(slice_sub(s, 0, equals)), value;
    if (!name.n)
        return true;
    if (name.n < slice_trim(slice_sub(s, 0, equals)).n)
        equals = s.n; /* it stands in the comment */
    const struct arg *a = find_long(p->table, name);
    if (!a || strcmp(a->name, "config") == 0) {
        log_line("unknown option '%.*s'", (int)name.n, name.p);
        return false;
    }
    if (!unquoted(slice_trim(slice_sub(s, equals + 1, s.n)), &value)) {
        log_line("'%s': a quote is not closed, or something follows it", a->name);
        return false;
    }
    if ((a->value != NULL) != (value.n != 0)) {
        log_line("'%s' %s", a->name, a->value ? "needs a value" : "takes no value");
        return false;
    }
    const char *copy = value.n ? keep(value) : NULL;
    return (copy || !value.n) && p->on(p->context, a->id, copy);
}

static bool config(struct parse *p, const char *path)
{
    char place[448], *line = NULL;
    size_t room = 0;
    ssize_t n = 0;
    FILE *in = fopen(path, "re");
    bool ok = in != NULL;
    for (unsigned number = 1; ok && (n = getline(&line, &room, in)) > 0; number++) {
        snprintf(place, sizeof place, "%.400s line %u", path, number);
        log_where(place);
        ok = config_line(p, slice_of(line, strcspn(line, "\n")));
        log_where(NULL);
    }
    if (!in || ferror(in)) {
        log_line("--config %s: %s", path, strerror(errno));
        ok = false;
    }
    if (in)
        fclose(in);
    free(line);
    return ok;
}

static bool give(struct parse *p, const struct arg *a, const char *value)
{
    if (strcmp(a->name, "config") == 0)
        return config(p, value);
    return p->on(p->context, a->id, value);
}

static int bad(const struct parse *p, const char *what, const char *name)
{
    log_line("%s: %s '%s'; see spanwise %s --help", p->command, what, name, p->command);
    return ARG_BAD;
}

/* One word that begins with '-'. Returns how many further words it took, or -1. */
static int option(struct parse *p, char **words, int left)
{
    char *word = words[0];
    const struct arg *a;
    const char *value = NULL;
    if (word[1] == '-') {
        struct slice name = slice_str(word + 2);
        size_t equals = slice_find(name, '=', 0);
        a = find_long(p->table, slice_sub(name, 0, equals));
        if (equals < name.n)
            value = word + 2 + equals + 1;
    } else {
        a = find_short(p->table, word[1]);
        if (a && word[2])
            value = word + 2;
    }
    if (!a)
        return bad(p, "unknown option", word), -1;
    if (!a->value)
        return value ? (bad(p, "no value goes with", word), -1) : give(p, a, NULL) ? 0 : -1;
    if (value)
        return give(p, a, value) ? 0 : -1;
    if (left < 1)
        return bad(p, "a value must follow", word), -1;
    return give(p, a, words[1]) ? 1 : -1;
}

int args_parse(const char *usage, const struct arg *table, int argc, char **argv, arg_handler *on, void *context)
{
    struct parse p = {table, on, context, argv[0]};
    bool words_only = false;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || (strcmp(argv[i], "-h") == 0 && !find_short(table, 'h'))) {
            help(usage, table);
            return ARG_HELP;
        }
    for (int i = 1; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
            int took = option(&p, argv + i, argc - i - 1);
            if (took < 0)
                return ARG_BAD;
            i += took;
        } else if (!on(context, ARG_POSITIONAL, argv[i])) {
            return ARG_BAD;
        }
    }
    return ARG_OK;
}

bool args_size(const char *text, unsigned long long *bytes)
{
    char *end;
    double v = strtod(text, &end);
    static const char units[] = "kmgt";
    if (end == text || !(v >= 0))
        return false;
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    if (unit)
        for (const char *u = units; u <= unit; u++)
            v *= 1024;
    if (*end && (!unit || (end[1] && strcmp(end + 1, "iB") != 0 && strcmp(end + 1, "B") != 0)))
        return false;
    if (v > 1e15)
        return false;
    *bytes = (unsigned long long)v;
    return true;
}

bool args_seconds(const char *text, double *seconds)
{
    char *end;
    double v = strtod(text, &end);
    double unit = !*end || !strcmp(end, "s") ? 1
                  : !strcmp(end, "m")        ? 60
                  : !strcmp(end, "h")        ? 3600
                  : !strcmp(end, "d")        ? 86400
                                             : 0;
    if (end == text || !(v >= 0) || unit == 0 || v * unit > 1e9)
        return false;
    *seconds = v * unit;
    return true;
}
