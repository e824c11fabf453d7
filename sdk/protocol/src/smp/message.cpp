#include "plexus/smp/message.hpp"

#include "tagged.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"
#include "plexus/smp/handshake.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace plexus::smp {
namespace {

using namespace fields;
namespace json = boost::json;

/// The members of each message; see tagged.hpp.
struct codec {
    static constexpr std::string_view words[] = {"IDS",  "LNK",  "SOK",  "SOKS", "MSG",  "NID",  "NMSG",
                                                 "PKEY", "RRES", "PRES", "END",  "ENDS", "DELD", "INFO",
                                                 "OK",   "ERR",  "PONG", "ALLS", "RNAME"};

    template <typename T>
    static bool has_fields(const T&, version) {
        return !std::is_empty_v<T>;
    }

    static void read(reader& in, msg::ids& out, version v) {
        out.recipient_id = in.short_bytes();
        out.sender_id = in.short_bytes();
        out.dh_key = read_x25519_key(in);
        if (v >= since::short_links) {
            if (in.maybe()) out.mode = read_mode(in);
            out.link_id = read_maybe_short(in);
        } else if (v >= since::sender_key) {
            out.mode = in.boolean() ? queue_mode::messaging : queue_mode::contact;
        }
        if (v >= since::service_certificates) out.service_id = read_maybe_short(in);
        if (v >= since::notifier_credentials && in.maybe()) {
            auto& notifier = out.notifier.emplace();
            notifier.notifier_id = in.short_bytes();
            notifier.dh_key = read_x25519_key(in);
        }
    }
    static void write(writer& out, const msg::ids& value, version v) {
        out.short_bytes(value.recipient_id).short_bytes(value.sender_id);
        write_key(out, value.dh_key);
        if (v >= since::short_links) {
            out.maybe(value.mode.has_value());
            if (value.mode) write_mode(out, *value.mode);
            write_maybe_short(out, value.link_id);
        } else if (v >= since::sender_key) {
            out.boolean(sender_can_secure(value.mode));
        }
        if (v >= since::service_certificates) write_maybe_short(out, value.service_id);
        if (v >= since::notifier_credentials) {
            out.maybe(value.notifier.has_value());
            if (value.notifier) {
                out.short_bytes(value.notifier->notifier_id);
                write_key(out, value.notifier->dh_key);
            }
        }
    }

    static void read(reader& in, msg::lnk& out, version) {
        out.sender_id = in.short_bytes();
        out.data = read_link_data(in);
    }
    static void write(writer& out, const msg::lnk& value, version) {
        out.short_bytes(value.sender_id);
        write_link_data(out, value.data);
    }

    static void read(reader& in, msg::sok& out, version) { out.service_id = read_maybe_short(in); }
    static void write(writer& out, const msg::sok& value, version) {
        write_maybe_short(out, value.service_id);
    }

    static void read(reader& in, msg::soks& out, version v) { out.queues = read_service_queues(in, v); }
    static void write(writer& out, const msg::soks& value, version v) {
        write_service_queues(out, value.queues, v);
    }
    static void read(reader& in, msg::ends& out, version v) { out.queues = read_service_queues(in, v); }
    static void write(writer& out, const msg::ends& value, version v) {
        write_service_queues(out, value.queues, v);
    }

    static void read(reader& in, msg::message& out, version) {
        out.message_id = in.short_bytes();
        out.body = in.tail();
    }
    static void write(writer& out, const msg::message& value, version) {
        out.short_bytes(value.message_id).tail(value.body);
    }

    static void read(reader& in, msg::nid& out, version) {
        out.notifier_id = in.short_bytes();
        out.dh_key = read_x25519_key(in);
    }
    static void write(writer& out, const msg::nid& value, version) {
        out.short_bytes(value.notifier_id);
        write_key(out, value.dh_key);
    }

    static void read(reader& in, msg::nmsg& out, version) {
        out.nonce = in.take(crypto::nonce_size);
        out.metadata = in.short_bytes();
    }
    static void write(writer& out, const msg::nmsg& value, version) {
        out.raw(value.nonce).short_bytes(value.metadata);
    }

    static void read(reader& in, msg::pkey& out, version) {
        out.session_id = in.short_bytes();
        out.versions = encoding::read_version_range(in);
        out.key = read_certified_key(in);
    }
    static void write(writer& out, const msg::pkey& value, version) {
        out.short_bytes(value.session_id);
        encoding::write(out, value.versions);
        smp::write(out, value.key);
    }

    static void read(reader& in, msg::rres& out, version) { out.response = in.tail(); }
    static void write(writer& out, const msg::rres& value, version) { out.tail(value.response); }
    static void read(reader& in, msg::pres& out, version) { out.response = in.tail(); }
    static void write(writer& out, const msg::pres& value, version) { out.tail(value.response); }
    static void read(reader& in, msg::info& out, version) { out.json = in.tail(); }
    static void write(writer& out, const msg::info& value, version) { out.tail(value.json); }
    static void read(reader& in, msg::rname& out, version) { out.json = in.tail(); }
    static void write(writer& out, const msg::rname& value, version) { out.tail(value.json); }

    static void read(reader& in, msg::err& out, version) {
        auto value = parse_server_error(in.tail());
        if (value)
            out.error = std::move(value).value();
        else
            in.fail();
    }
    static void write(writer& out, const msg::err& value, version v) { out.raw(encode(value.error, v)); }
};

error bad_info() { return make_error(failure::syntax, "the JSON of INFO is not that of a queue"); }

} // namespace

result<message> parse_message(bytes_view data, version v) {
    return parse_tagged<message, codec>(data, v, "message");
}

void write(encoding::writer& out, const message& value, version v) {
    if (std::holds_alternative<msg::deld>(value) && v < since::deleted_event) {
        out.raw(std::string_view("END"));
        return;
    }
    if (std::holds_alternative<msg::sok>(value) && v < since::service_certificates) {
        out.raw(std::string_view("OK"));
        return;
    }
    write_tagged<codec>(out, value, v);
}

std::string_view name(const message& value) noexcept { return codec::words[value.index()]; }

std::string to_json(const queue_info& value) {
    json::object out;
    out["qiSnd"] = value.has_sender_key;
    out["qiNtf"] = value.has_notifier;
    if (value.own) {
        auto& own = out["qiSub"].emplace_object();
        own["qSubThread"] = value.own->state;
        if (value.own->delivered) own["qDelivered"] = *value.own->delivered;
    }
    out["qiSize"] = value.size;
    if (value.first) {
        auto& first = out["qiMsg"].emplace_object();
        first["msgId"] = encoding::base64_encode(value.first->id);
        first["msgTs"] = encoding::to_text(encoding::time_point(std::chrono::seconds(value.first->seconds)));
        first["msgType"] = value.first->quota ? "quota" : "message";
    }
    return json::serialize(out);
}

result<queue_info> parse_queue_info(std::string_view text) {
    boost::system::error_code failed;
    const auto parsed = json::parse(text, failed);
    const auto* object = failed ? nullptr : parsed.if_object();
    if (object == nullptr) return bad_info();
    const auto* sender = object->if_contains("qiSnd");
    const auto* notifier = object->if_contains("qiNtf");
    const auto* size = object->if_contains("qiSize");
    if (sender == nullptr || !sender->is_bool() || notifier == nullptr || !notifier->is_bool() ||
        size == nullptr)
        return bad_info();
    queue_info out;
    out.has_sender_key = sender->get_bool();
    out.has_notifier = notifier->get_bool();
    out.size = size->to_number<std::uint64_t>(failed);
    if (failed) return bad_info();
    auto member = [](const json::object& from, std::string_view name) -> const json::string* {
        const auto* found = from.if_contains(name);
        return found == nullptr ? nullptr : found->if_string();
    };
    if (const auto* own = object->if_contains("qiSub"); own != nullptr && !own->is_null()) {
        const auto* state = own->is_object() ? member(own->get_object(), "qSubThread") : nullptr;
        if (state == nullptr) return bad_info();
        out.own.emplace().state = std::string(std::string_view(*state));
        if (const auto* delivered = member(own->get_object(), "qDelivered"))
            out.own->delivered = std::string(std::string_view(*delivered));
    }
    if (const auto* first = object->if_contains("qiMsg"); first != nullptr && !first->is_null()) {
        if (!first->is_object()) return bad_info();
        const auto* id = member(first->get_object(), "msgId");
        const auto* time = member(first->get_object(), "msgTs");
        const auto* type = member(first->get_object(), "msgType");
        if (id == nullptr || time == nullptr || type == nullptr) return bad_info();
        auto raw = encoding::base64_decode(std::string_view(*id));
        const auto at = encoding::parse_time(std::string_view(*time));
        if (!raw || !at || (*type != "message" && *type != "quota")) return bad_info();
        auto& out_first = out.first.emplace();
        out_first.id = std::move(*raw);
        out_first.seconds = std::chrono::duration_cast<std::chrono::seconds>(at->time_since_epoch()).count();
        out_first.quota = *type == "quota";
    }
    return out;
}

} // namespace plexus::smp
