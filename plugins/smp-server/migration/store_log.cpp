#include "store_log.hpp"

#include "plexus/abi.hpp"
#include "plexus/encoding/base64.hpp"

#include <charconv>

namespace plexus::smp_server::official {
namespace {

using encoding::base64url_encode;

/// The longest body that any version of the protocol allows.
constexpr std::size_t body_most = smp::max_message_length(6);
/// Longer things come only from files that are damaged or made up, and have no place in a record.
constexpr std::size_t link_id_most = 255;
constexpr std::size_t link_data_most = smp::block_size;
constexpr std::size_t notice_most = 4'096;

/// Reads the words of a line. The first thing that does not fit is kept as the reason, and from then on every
/// read gives nothing.
class words {
  public:
    explicit words(std::string_view line) : rest_(line) {}

    bool ok() const noexcept { return wrong_.empty(); }
    bool at_end() const noexcept { return rest_.empty(); }
    std::string_view rest() noexcept { return std::exchange(rest_, {}); }
    void fail(std::string what) {
        if (ok()) wrong_ = std::move(what);
        rest_ = {};
    }
    error why() const { return make_error(status::invalid, wrong_); }

    bool accept(std::string_view literal) noexcept {
        if (!rest_.starts_with(literal)) return false;
        rest_.remove_prefix(literal.size());
        return true;
    }
    void expect(std::string_view literal) {
        if (ok() && !accept(literal)) fail("'" + std::string(literal) + "' is missing");
    }
    /// What stands before a space; the space stays.
    std::string_view word() noexcept {
        const auto out = rest_.substr(0, rest_.find(' '));
        rest_.remove_prefix(out.size());
        return out;
    }
    void space() { expect(" "); }
    void end() {
        if (ok() && !rest_.empty()) fail("something follows after its end");
    }

    bytes data(const char* what) { return to_data(word(), what); }
    bytes to_data(std::string_view text, const char* what) {
        auto out = encoding::base64url_decode(text);
        if (out && !out->empty()) return std::move(*out);
        fail(std::string(what) + " is not base64url");
        return {};
    }
    bytes short_data(const char* what, std::size_t most) {
        auto out = data(what);
        if (out.size() > most) fail(std::string(what) + " is too long");
        return out;
    }
    identifier id(const char* what) {
        const auto out = to_identifier(data(what));
        if (!out) fail(std::string(what) + " has not 24 bytes");
        return out.value_or(identifier{});
    }
    crypto::public_key key(const char* what) { return to_key(word(), what); }
    crypto::public_key to_key(std::string_view text, const char* what) {
        auto out = crypto::public_key::from_text(text);
        if (out && out->type() != crypto::key_type::x448) return std::move(out).value();
        fail(std::string(what) + " is no public key");
        return {};
    }
    std::vector<crypto::public_key> keys(const char* what) {
        std::vector<crypto::public_key> out;
        auto list = word();
        for (std::size_t comma = 0; ok() && comma != std::string_view::npos;) {
            comma = list.find(',');
            out.push_back(to_key(list.substr(0, comma), what));
            if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
            if (out.size() > 255) fail("more than 255 recipient keys");
        }
        return out;
    }
    secret_array<32> secret(const char* what) {
        secret_array<32> out;
        auto raw = data(what);
        if (raw.size() == out.size())
            std::copy(raw.begin(), raw.end(), out.data());
        else
            fail(std::string(what) + " has not 32 bytes");
        wipe(raw.data(), raw.size());
        return out;
    }
    template <typename Integer>
    Integer integer(const char* what) {
        Integer out{};
        const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
        if (failed != std::errc()) {
            fail(std::string(what) + " is no number");
            return {};
        }
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return out;
    }

  private:
    std::string_view rest_;
    std::string wrong_;
};

link read_link(words& in) {
    link out;
    out.fixed = in.short_data("fixed link data", link_data_most);
    in.space();
    out.user = in.short_data("user link data", link_data_most);
    return out;
}

notifier read_notifier(words& in) {
    notifier out;
    out.id = in.id("notifier id");
    in.space();
    out.key = in.key("notifier key");
    in.space();
    out.dh_secret = in.secret("notifier secret");
    if (in.accept(" nsrv=")) out.service_id = in.data("notifier service");
    return out;
}

/// A notice is JSON, with spaces perhaps, and runs to the end or to what may follow a status.
blocking read_blocking(words& in) {
    blocking out;
    in.expect("reason=");
    out.content = in.accept("content");
    if (!out.content) in.expect("spam");
    if (in.ok() && in.accept(",notice=")) {
        const auto rest = in.rest();
        const auto end = std::min(rest.rfind(" rsrv="), rest.size());
        out.notice = rest.substr(0, end);
        in = words(rest.substr(end));
        if (!out.notice.starts_with('{') || !out.notice.ends_with('}') || out.notice.size() > notice_most)
            in.fail("a blocking notice is no JSON object, or too long");
    }
    return out;
}

void read_status(words& in, queue& out) {
    if (in.accept("active")) return;
    out.off = in.accept("off");
    if (out.off) return;
    in.expect("blocked,");
    out.blocked = read_blocking(in);
}

queue read_queue(words& in) {
    queue out;
    in.expect("rid=");
    out.recipient_id = in.id("recipient id");
    in.expect(" rk=");
    out.recipient_keys = in.keys("recipient key");
    in.expect(" rdh=");
    out.dh_secret = in.secret("queue secret");
    in.expect(" sid=");
    out.sender_id = in.id("sender id");
    in.expect(" sk=");
    if (const auto key = in.word(); !key.empty()) out.sender_key = in.to_key(key, "sender key");
    if (in.accept(" sndSecure=")) {
        if (in.accept("T"))
            out.mode = smp::queue_mode::messaging;
        else if (in.accept("F"))
            out.mode = smp::queue_mode::contact;
        else
            in.fail("sndSecure is neither T nor F");
    } else if (in.accept(" queue_mode=")) {
        if (in.accept("M"))
            out.mode = smp::queue_mode::messaging;
        else if (in.accept("C"))
            out.mode = smp::queue_mode::contact;
        else
            in.fail("queue_mode is neither M nor C");
    }
    if (in.accept(" link_id=")) {
        auto id = in.short_data("link id", link_id_most);
        in.expect(" queue_data=");
        out.data = read_link(in);
        out.data->id = std::move(id);
    }
    if (in.accept(" notifier=")) out.notifier = read_notifier(in);
    if (in.accept(" updated_at=")) out.used = in.integer<std::int64_t>("updated_at");
    if (in.accept(" status=")) read_status(in, out);
    if (in.accept(" rsrv=")) out.service_id = in.data("service");
    return out;
}

service_line read_service(words& in) {
    service_line out;
    in.expect("service_id=");
    out.id = in.data("service id");
    in.expect(" role=");
    const auto role = in.word();
    if (role.size() != 1 || std::string_view("MNP").find(role.front()) == std::string_view::npos)
        in.fail("the role of a service is none of M, N, P");
    else
        out.role = role.front();
    in.expect(" cert=");
    auto list = in.word();
    for (std::size_t comma = 0; in.ok() && comma != std::string_view::npos;) {
        comma = list.find(',');
        out.certificates.push_back(in.to_data(list.substr(0, comma), "certificate"));
        if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
    }
    in.expect(" cert_hash=");
    out.certificate_hash = in.data("certificate hash");
    in.expect(" created_at=");
    out.created = in.integer<std::int64_t>("created_at");
    return out;
}

queue_line read_change(words& in, std::string_view tag) {
    queue_line out;
    out.recipient_id = in.id("recipient id");
    const auto simple = [&](auto what) { out.what = what; };
    if (tag == "LDELETE") return simple(change::delete_link{}), out;
    if (tag == "SUSPEND") return simple(change::suspend{}), out;
    if (tag == "UNBLOCK") return simple(change::unblock{}), out;
    if (tag == "DELETE") return simple(change::remove{}), out;
    if (tag == "NDELETE") return simple(change::delete_notifier{}), out;
    in.space();
    if (tag == "LINK") {
        auto id = in.short_data("link id", link_id_most);
        in.space();
        change::set_link made{read_link(in)};
        made.data.id = std::move(id);
        out.what = std::move(made);
    } else if (tag == "SECURE") {
        out.what = change::secure{in.key("sender key")};
    } else if (tag == "KEYS") {
        out.what = change::set_keys{in.keys("recipient key")};
    } else if (tag == "NOTIFIER") {
        out.what = change::set_notifier{read_notifier(in)};
    } else if (tag == "BLOCK") {
        out.what = change::block{read_blocking(in)};
    } else if (tag == "TIME") {
        out.what = change::set_time{in.integer<std::int64_t>("time")};
    } else if (tag == "QUEUE_SERVICE") {
        change::set_service made{};
        made.of_notifier = in.accept("N");
        if (!made.of_notifier) in.expect("R");
        in.space();
        if (!in.at_end()) made.service_id = in.data("service");
        out.what = std::move(made);
    } else {
        in.fail("no record has the name '" + std::string(tag.substr(0, 20)) + "'");
    }
    return out;
}

void append(std::string& out, std::string_view name, bytes_view data) {
    out.append(name).append(base64url_encode(data));
}

std::string key_list(const std::vector<crypto::public_key>& keys) {
    std::string out;
    for (const auto& key : keys) out += (out.empty() ? "" : ",") + base64url_encode(key.spki());
    return out;
}

stored_message read_message(words& in) {
    stored_message out;
    out.id = in.id("message id");
    in.space();
    out.seconds = in.integer<std::int64_t>("time");
    in.space();
    if (in.accept("quota")) {
        out.quota = true;
        return out;
    }
    if (in.accept("flags=")) {
        const auto flags = in.word();
        if (!flags.starts_with("T") && !flags.starts_with("F"))
            in.fail("the flags begin with neither T nor F");
        out.flags.notification = flags.starts_with("T");
        in.space();
    }
    out.body = in.data("body");
    if (out.body.size() > body_most) in.fail("the body is longer than a message may be");
    return out;
}

template <typename Value>
result<Value> checked(words& in, Value value) {
    in.end();
    if (!in.ok()) return in.why();
    return value;
}

} // namespace

result<log_line> parse_log_line(std::string_view line) {
    words in(line);
    const auto tag = in.word();
    in.space();
    if (tag == "CREATE") {
        queue_line out;
        change::create made{read_queue(in)};
        out.recipient_id = made.queue.recipient_id;
        out.what = std::move(made);
        return checked<log_line>(in, std::move(out));
    }
    if (tag == "NEW_SERVICE") {
        auto made = read_service(in);
        return checked<log_line>(in, std::move(made));
    }
    auto made = read_change(in, tag);
    return checked<log_line>(in, std::move(made));
}

std::string encode(const queue& value) {
    std::string out = "CREATE";
    append(out, " rid=", value.recipient_id);
    out += " rk=" + key_list(value.recipient_keys);
    append(out, " rdh=", bytes_view(value.dh_secret));
    append(out, " sid=", value.sender_id);
    out += " sk=";
    if (value.sender_key) append(out, "", value.sender_key->spki());
    if (value.mode) out += *value.mode == smp::queue_mode::messaging ? " queue_mode=M" : " queue_mode=C";
    if (value.data) {
        append(out, " link_id=", value.data->id);
        append(out, " queue_data=", value.data->fixed);
        append(out, " ", value.data->user);
    }
    if (value.notifier) {
        append(out, " notifier=", value.notifier->id);
        append(out, " ", value.notifier->key.spki());
        append(out, " ", bytes_view(value.notifier->dh_secret));
        if (!value.notifier->service_id.empty()) append(out, " nsrv=", value.notifier->service_id);
    }
    if (value.used) out += " updated_at=" + std::to_string(*value.used);
    if (value.off) out += " status=off";
    if (value.blocked) {
        out += std::string(" status=blocked,reason=") + (value.blocked->content ? "content" : "spam");
        if (!value.blocked->notice.empty()) out += ",notice=" + value.blocked->notice;
    }
    if (!value.service_id.empty()) append(out, " rsrv=", value.service_id);
    return out;
}

std::string encode(const service_line& value) {
    std::string out = "NEW_SERVICE";
    append(out, " service_id=", value.id);
    out += std::string(" role=") + value.role + " cert=";
    for (std::size_t i = 0; i < value.certificates.size(); ++i)
        append(out, i == 0 ? "" : ",", value.certificates[i]);
    append(out, " cert_hash=", value.certificate_hash);
    return out + " created_at=" + std::to_string(value.created);
}

result<message_line> parse_message_line(std::string_view line) {
    words in(line);
    message_line out;
    in.expect("v3 ");
    out.recipient_id = in.id("recipient id");
    in.space();
    out.message = read_message(in);
    return checked(in, std::move(out));
}

std::string encode(const message_line& value) {
    std::string out = "v3 ";
    append(out, "", value.recipient_id);
    append(out, " ", value.message.id);
    out += ' ' + std::to_string(value.message.seconds);
    if (value.message.quota) return out + " quota";
    out += value.message.flags.notification ? " flags=T " : " flags=F ";
    append(out, "", value.message.body);
    return out;
}

result<stored_message> parse_journal_line(std::string_view line) {
    words in(line);
    auto out = read_message(in);
    return checked(in, std::move(out));
}

result<notification_line> parse_notification_line(std::string_view line) {
    words in(line);
    notification_line out;
    in.expect("v1 ");
    out.notifier = in.id("notifier id");
    in.space();
    out.notification.message_id = in.id("message id");
    in.space();
    out.notification.seconds = in.integer<std::int64_t>("time");
    in.space();
    const auto nonce = in.data("nonce");
    if (nonce.size() == out.notification.nonce.size())
        std::copy(nonce.begin(), nonce.end(), out.notification.nonce.begin());
    else
        in.fail("the nonce has not 24 bytes");
    in.space();
    out.notification.metadata = in.data("metadata");
    return checked(in, std::move(out));
}

std::string encode(const notification_line& value) {
    std::string out = "v1 ";
    append(out, "", value.notifier);
    append(out, " ", value.notification.message_id);
    out += ' ' + std::to_string(value.notification.seconds);
    append(out, " ", value.notification.nonce);
    append(out, " ", value.notification.metadata);
    return out;
}

result<journal_state> parse_journal_state(std::string_view line) {
    words in(line);
    journal_state out;
    const auto number = [&](const char* what) {
        in.expect(",");
        return in.integer<std::uint64_t>(what);
    };
    // An id, a comma, and messages passed, messages, bytes passed, bytes.
    const auto file = [&](std::string& name) {
        const auto rest = in.rest();
        const auto comma = rest.find(',');
        name = rest.substr(0, comma);
        in = words(comma == std::string_view::npos ? std::string_view() : rest.substr(comma));
        const bool plain = !name.empty() && name.find_first_of("/. ") == std::string::npos;
        if (!plain) in.fail("a journal has an impossible name");
    };
    in.expect("write=");
    if (!in.ok()) return in.why();
    file(out.write_file);
    number("messages");
    number("messages");
    number("bytes");
    out.write_bytes_end = number("bytes");
    in.expect(" read=");
    if (!in.ok()) return in.why();
    file(out.read_file);
    out.read_messages = number("messages");
    number("messages");
    out.read_bytes = number("bytes");
    out.read_bytes_end = number("bytes");
    in.expect(" canWrite=");
    out.can_write = in.accept("T");
    if (!out.can_write) in.expect("F");
    in.expect(" size=");
    out.size = in.integer<std::uint64_t>("size");
    return checked(in, std::move(out));
}

} // namespace plexus::smp_server::official
