#define _GNU_SOURCE
#include "CKerberos.h"

#include <fcntl.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static gss_OID_desc kerberos_mechanism = { 9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;

// MARK: texts

static void say(char error[KERBEROS_TEXT_SIZE], const char *what, const char *why) {
    snprintf(error, KERBEROS_TEXT_SIZE, "%s: %s", what, why);
}

static int say_kerberos(char error[KERBEROS_TEXT_SIZE], krb5_context context, const char *what, krb5_error_code code) {
    const char *text = krb5_get_error_message(context, code);
    say(error, what, text);
    krb5_free_error_message(context, text);
    return -1;
}

static int say_gss(char error[KERBEROS_TEXT_SIZE], const char *what, OM_uint32 major, OM_uint32 minor) {
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    // The mechanism's own words say more, where it has any.
    if (minor != 0) gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &kerberos_mechanism, &more, &text);
    else gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text);
    snprintf(error, KERBEROS_TEXT_SIZE, "%s: %.*s", what, (int)text.length, (const char *)text.value);
    gss_release_buffer(&ignored, &text);
    return -1;
}

static void copy_text(char text[KERBEROS_TEXT_SIZE], const gss_buffer_desc *buffer) {
    // One that does not fit, or has a zero in it, is nobody's name.
    int fits = buffer->length < KERBEROS_TEXT_SIZE && memchr(buffer->value, 0, buffer->length) == NULL;
    size_t size = fits ? buffer->length : 0;
    memcpy(text, buffer->value, size);
    text[size] = 0;
}

// MARK: start

// Descriptors in memory whose paths stand for files, since no other can be opened later on.
static int memory_file(const char *name, const char *text, char path[64]) {
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    if (descriptor < 0) return -1;
    if (text && write(descriptor, text, strlen(text)) != (ssize_t)strlen(text)) return -1;
    snprintf(path, 64, "/proc/self/fd/%d", descriptor);
    return 0;
}

// The library looks at its configuration files again with each context, and reads them anew if they have changed. It is
// pointed to a file in memory that includes them: that never changes, so what was read stays.
static int fix_configuration(char error[KERBEROS_TEXT_SIZE]) {
    const char *given = secure_getenv("KRB5_CONFIG");
    char *names = strdup(given && *given ? given : "/etc/krb5.conf");
    char text[4096] = "", path[64];
    for (char *rest = names, *name; names && (name = strsep(&rest, ":"));) {
        size_t used = strlen(text);
        if (access(name, R_OK) == 0) snprintf(text + used, sizeof text - used, "include %s\n", name);
    }
    free(names);
    if (memory_file("krb5.conf", text, path) < 0) {
        say(error, "kerberos", "no memory for the configuration");
        return -1;
    }
    return setenv("KRB5_CONFIG", path, 1);
}

// Whether `principal` is one that is served; see kerberos_start.
static int is_served(krb5_context context, krb5_const_principal principal, const char *service) {
    char *text = NULL, *component = NULL;
    int result = 0;
    if (krb5_unparse_name(context, principal, &text) != 0) return 0;
    component = strndup(text, strcspn(text, "/@"));
    if (!*service) {
        result = component && (!strcasecmp(component, "cifs") || !strcasecmp(component, "host"));
    } else if (strchr(service, '@')) {
        result = !strcasecmp(text, service);
    } else if (strchr(service, '/')) {
        size_t size = strlen(service);
        result = !strncasecmp(text, service, size) && text[size] == '@';
    } else {
        result = component && !strcasecmp(component, service);
    }
    free(component);
    krb5_free_unparsed_name(context, text);
    return result;
}

static int copy_keys(
    krb5_context context, krb5_keytab from, krb5_keytab to, const char *service, char error[KERBEROS_TEXT_SIZE]
) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char name[KERBEROS_TEXT_SIZE] = "keytab";
    int count = 0;
    krb5_kt_get_name(context, from, name, sizeof name);
    krb5_error_code code = krb5_kt_start_seq_get(context, from, &cursor);
    if (code) return say_kerberos(error, context, name, code);
    while ((code = krb5_kt_next_entry(context, from, &entry, &cursor)) == 0) {
        if (is_served(context, entry.principal, service) && krb5_kt_add_entry(context, to, &entry) == 0) count++;
        krb5_free_keytab_entry_contents(context, &entry);
    }
    krb5_kt_end_seq_get(context, from, &cursor);
    if (code != KRB5_KT_END) return say_kerberos(error, context, name, code);
    if (count == 0) {
        say(error, name, *service ? "has no key for the service named" : "has no key for cifs or host");
        return -1;
    }
    return count;
}

static int acquire(char error[KERBEROS_TEXT_SIZE]) {
    char replay_cache[64 + 6] = "file2:";
    if (memory_file("replay-cache", NULL, replay_cache + 6) < 0) {
        say(error, "kerberos", "no memory for the replay cache");
        return -1;
    }
    gss_key_value_element_desc elements[] = { { "keytab", "MEMORY:apus" }, { "rcache", replay_cache } };
    gss_key_value_set_desc store = { 2, elements };
    gss_OID_set_desc mechanisms = { 1, &kerberos_mechanism };
    OM_uint32 minor, major = gss_acquire_cred_from(
        &minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms, GSS_C_ACCEPT, &store, &credential, NULL, NULL);
    return major == GSS_S_COMPLETE ? 0 : say_gss(error, "kerberos", major, minor);
}

int kerberos_start(const char *keytab, const char *service, char error[KERBEROS_TEXT_SIZE]) {
    // The context and the table in memory are never given back: they keep what was read alive.
    krb5_context context;
    krb5_keytab from, to;
    if (fix_configuration(error) < 0) return -1;
    krb5_error_code code = krb5_init_context(&context);
    if (code) return say_kerberos(error, NULL, "krb5.conf", code);
    code = *keytab ? krb5_kt_resolve(context, keytab, &from) : krb5_kt_default(context, &from);
    if (code) return say_kerberos(error, context, "keytab", code);
    code = krb5_kt_resolve(context, "MEMORY:apus", &to);
    int count = code ? say_kerberos(error, context, "keytab", code) : copy_keys(context, from, to, service, error);
    krb5_kt_close(context, from);
    return count < 0 || acquire(error) < 0 ? -1 : count;
}

// MARK: logins

struct kerberos_login {
    gss_ctx_id_t context;
    gss_buffer_desc token;
};

struct kerberos_login *kerberos_begin(void) { return calloc(1, sizeof(struct kerberos_login)); }

void kerberos_end(struct kerberos_login *login) {
    OM_uint32 minor;
    gss_release_buffer(&minor, &login->token);
    gss_delete_sec_context(&minor, &login->context, GSS_C_NO_BUFFER);
    free(login);
}

static int session_key(gss_ctx_id_t context, struct kerberos_result *result, char error[KERBEROS_TEXT_SIZE]) {
    OM_uint32 minor;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, context, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    if (major != GSS_S_COMPLETE) return say_gss(error, "session key", major, minor);
    int fits = set->count > 0 && set->elements[0].length > 0
        && set->elements[0].length <= sizeof result->session_key;
    if (fits) {
        result->session_key_size = set->elements[0].length;
        memcpy(result->session_key, set->elements[0].value, result->session_key_size);
        explicit_bzero(set->elements[0].value, set->elements[0].length);
    } else {
        say(error, "session key", "of no sane length");
    }
    gss_release_buffer_set(&minor, &set);
    return fits ? 1 : -1;
}

static int describe(
    gss_ctx_id_t context, gss_name_t client, struct kerberos_result *result, char error[KERBEROS_TEXT_SIZE]
) {
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = gss_display_name(&minor, client, &text, NULL);
    if (major != GSS_S_COMPLETE) return say_gss(error, "client", major, minor);
    copy_text(result->principal, &text);
    gss_release_buffer(&minor, &text);
    if (gss_localname(&minor, client, &kerberos_mechanism, &text) == GSS_S_COMPLETE) {
        copy_text(result->account, &text);
        gss_release_buffer(&minor, &text);
    }
    return session_key(context, result, error);
}

int kerberos_accept(
    struct kerberos_login *login, const uint8_t *token, size_t size, struct kerberos_result *result,
    char error[KERBEROS_TEXT_SIZE]
) {
    OM_uint32 minor, ignored;
    gss_buffer_desc input = { size, (void *)token };
    gss_name_t client = GSS_C_NO_NAME;
    gss_OID mechanism = GSS_C_NO_OID;
    memset(result, 0, sizeof *result);
    if (credential == GSS_C_NO_CREDENTIAL) {
        say(error, "kerberos", "not started");
        return -1;
    }
    gss_release_buffer(&ignored, &login->token);
    OM_uint32 major = gss_accept_sec_context(
        &minor, &login->context, credential, &input, GSS_C_NO_CHANNEL_BINDINGS, &client, &mechanism, &login->token,
        NULL, &result->lifetime, NULL);
    result->token = login->token.value;
    result->token_size = login->token.length;
    int outcome = -1;
    if (GSS_ERROR(major)) {
        say_gss(error, "ticket", major, minor);
    } else if (major & GSS_S_CONTINUE_NEEDED) {
        outcome = 0;
    } else {
        // Clients that wrap no GSS token around the AP-REQ ask for no flags either; the key is there all the same.
        outcome = describe(login->context, client, result, error);
    }
    gss_release_name(&ignored, &client);
    return outcome;
}

size_t kerberos_sign(struct kerberos_login *login, const uint8_t *message, size_t size, uint8_t *signature, size_t room) {
    OM_uint32 minor;
    gss_buffer_desc input = { size, (void *)message }, output = GSS_C_EMPTY_BUFFER;
    if (gss_get_mic(&minor, login->context, GSS_C_QOP_DEFAULT, &input, &output) != GSS_S_COMPLETE) return 0;
    size_t count = output.length <= room ? output.length : 0;
    memcpy(signature, output.value, count);
    gss_release_buffer(&minor, &output);
    return count;
}

int kerberos_verify(
    struct kerberos_login *login, const uint8_t *message, size_t size, const uint8_t *signature, size_t signature_size
) {
    OM_uint32 minor;
    gss_buffer_desc input = { size, (void *)message }, mic = { signature_size, (void *)signature };
    return gss_verify_mic(&minor, login->context, &input, &mic, NULL) == GSS_S_COMPLETE;
}
