// What plugins and keys say of themselves, as text for people.
#include "abi_list.hpp"
#include "plexus/abi/host.h"
#include "plexus/kernel/command.hpp"
#include "plexus/kernel/library.hpp"
#include "values.hpp"

namespace plexus::kernel {
namespace {

std::string text_or(const char* text, const char* other) { return text == nullptr ? other : text; }

void add_list(std::string& out, const char* title, const char* const* list) {
    const auto items = abi_list(list);
    if (items.empty()) return;
    out += title;
    for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + std::string(items[i]);
    out += '\n';
}

std::string effect_of(std::string_view capability) {
    if (capability == PLEXUS_CAP_NET_OUTBOUND)
        return "connects out: gets " PLEXUS_RESOLVER_ID
               ", plexus.transport/1, plexus.carrier/1, plexus.network/0";
    if (capability == PLEXUS_CAP_NET_LISTEN) return "accepts connections: gets plexus.listener/1";
    if (capability == PLEXUS_CAP_FS_STATE) return "keeps files";
    if (capability == PLEXUS_CAP_PROCESS_SPAWN) return "starts other programs";
    return "handles private keys";
}

std::string key_line(const plexus_key& key) {
    return "  " + std::string(key.name) + " (" + describe_key(key) + "): " + text_or(key.doc, "") + "\n";
}

} // namespace

std::string describe_key(const plexus_key& key) {
    std::string out(type_name(key.type));
    if (key.preset != nullptr && *key.preset != '\0')
        out +=
            (key.flags & PLEXUS_KEY_SECRET) != 0 ? ", has a preset" : ", preset " + std::string(key.preset);
    if (key.choices != nullptr) {
        out += ", one of ";
        for (const char* c = key.choices; *c != '\0'; ++c)
            out += *c == '|' ? std::string(", ") : std::string(1, *c);
    }
    if (key.least != 0 || key.most != 0) {
        const auto format = [&](std::int64_t value) {
            if (key.type == PLEXUS_KEY_DURATION) return format_duration(value);
            if (key.type == PLEXUS_KEY_BYTES) return format_size(value);
            return std::to_string(value);
        };
        out += ", from " + format(key.least) + " to " + format(key.most);
    }
    if ((key.flags & PLEXUS_KEY_PATH) != 0) out += ", a path";
    if ((key.flags & PLEXUS_KEY_REQUIRED) != 0) out += ", required";
    if ((key.flags & PLEXUS_KEY_SECRET) != 0) out += ", secret";
    if ((key.flags & PLEXUS_KEY_RELOADABLE) != 0) out += ", reloadable";
    return out;
}

std::string describe(const plugin_library& library) {
    const plexus_descriptor& own = *library.descriptor;
    std::string out = std::string(own.id) + " " + own.version + ": " + text_or(own.summary, "") + "\n";
    out += "vendor: " + text_or(own.vendor, "unnamed") + "\n";
    out += "file: " + (library.file.empty() ? std::string("built in") : library.file.string()) + "\n";
    out += "ABI: " + std::to_string(own.abi_major) + "." + std::to_string(own.abi_minor) +
           ", needs at least " + std::to_string(own.abi_major) + "." + std::to_string(own.abi_least_minor) +
           "\n";
    add_list(out, "provides: ", own.provides);
    add_list(out, "requires: ", own.requires_);
    add_list(out, "uses: ", own.uses);
    if (const auto capabilities = abi_list(own.capabilities); capabilities.empty()) {
        out += "capabilities: none\n";
    } else {
        out += "capabilities (declared by the plugin; not a sandbox):\n";
        for (const char* one : capabilities) out += "  " + std::string(one) + ": " + effect_of(one) + "\n";
    }
    if (own.key_count != 0) out += "keys:\n";
    for (std::uint32_t i = 0; i < own.key_count; ++i) out += key_line(own.keys[i]);
    if (own.command_count != 0) out += "commands:\n";
    for (std::uint32_t i = 0; i < own.command_count; ++i) {
        const plexus_command_info& command = own.commands[i];
        out += "  " + std::string(command.name);
        if (command.arguments != nullptr) out += " " + std::string(command.arguments);
        out += ": " + text_or(command.summary, "") + "\n";
    }
    return out;
}

} // namespace plexus::kernel
