// MIT Kerberos as a server needs it: the keys of a service, and logins with its tickets. Debian: libkrb5-dev.
#ifndef CKERBEROS_H
#define CKERBEROS_H
#include <stddef.h>
#include <stdint.h>

enum { KERBEROS_TEXT_SIZE = 512 };

// Copies the service's keys from a key table into memory and reads Kerberos's configuration, so that no file is needed
// afterwards. To be called once, while the process may open files and has one thread.
// - keytab: its name ("FILE:/etc/krb5.keytab" or a path); empty for the system's own.
// - service: "name", "name/host" or "name/host@REALM" of the principals to serve; empty for cifs and host.
// Returns how many keys there are; -1 and the reason in `error` if there is none.
int kerberos_start(const char *keytab, const char *service, char error[KERBEROS_TEXT_SIZE]);

// A login under way, or done.
struct kerberos_login;

struct kerberos_result {
    // The token for the client; may be empty. Valid until the login's end.
    const uint8_t *token;
    size_t token_size;
    uint8_t session_key[64];
    size_t session_key_size;
    // The client, "name@REALM"; and the Unix account that the rules (auth_to_local) make of it, empty for none.
    char principal[KERBEROS_TEXT_SIZE], account[KERBEROS_TEXT_SIZE];
    // Seconds until the ticket ends, the tolerated clock skew included.
    uint32_t lifetime;
};

// NULL without memory.
struct kerberos_login *kerberos_begin(void);
void kerberos_end(struct kerberos_login *login);

// One token from the client. Returns 1 when logged in, 0 when another token must follow, -1 and the reason in `error` when
// refused. `result` holds the token in the first two cases, and everything in the first.
int kerberos_accept(
    struct kerberos_login *login, const uint8_t *token, size_t size, struct kerberos_result *result,
    char error[KERBEROS_TEXT_SIZE]);

// GSS_GetMIC and GSS_VerifyMIC, once logged in. Signing returns the size of the signature, at most `room`; 0 for none.
size_t kerberos_sign(struct kerberos_login *login, const uint8_t *message, size_t size, uint8_t *signature, size_t room);
int kerberos_verify(
    struct kerberos_login *login, const uint8_t *message, size_t size, const uint8_t *signature, size_t signature_size);

#endif
