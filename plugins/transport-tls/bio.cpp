#include "bio.hpp"

namespace plexus::transport_tls {

using net::carrier;

namespace {

int bio_read(BIO* bio, char* out, std::size_t size, std::size_t* taken) {
    BIO_clear_retry_flags(bio);
    auto* below = static_cast<carrier*>(BIO_get_data(bio));
    const std::int32_t code = below->read({reinterpret_cast<std::uint8_t*>(out), size}, *taken);
    if (code == PLEXUS_E_WOULD_BLOCK) BIO_set_retry_read(bio);
    return code == PLEXUS_OK ? 1 : 0;
}

int bio_write(BIO* bio, const char* in, std::size_t size, std::size_t* given) {
    BIO_clear_retry_flags(bio);
    auto* below = static_cast<carrier*>(BIO_get_data(bio));
    const std::int32_t code = below->write({reinterpret_cast<const std::uint8_t*>(in), size}, *given);
    if (code == PLEXUS_E_WOULD_BLOCK) BIO_set_retry_write(bio);
    return code == PLEXUS_OK ? 1 : 0;
}

long bio_control(BIO* bio, int command, long, void*) {
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return static_cast<carrier*>(BIO_get_data(bio))->broken() == PLEXUS_E_CLOSED ? 1 : 0;
    default: return 0;
    }
}

BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "plexus carrier");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

} // namespace

BIO* make_bio(net::carrier& below) {
    static BIO_METHOD* const method = make_method();
    BIO* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &below);
    BIO_set_init(bio, 1);
    return bio;
}

} // namespace plexus::transport_tls
