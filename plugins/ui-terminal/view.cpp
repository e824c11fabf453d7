#include "view.hpp"

#include "network_view.hpp"
#include "qr_code.hpp"
#include "text_width.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace plexus::ui_terminal {

namespace json = boost::json;

std::string text_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                  : std::string();
}
const json::object& object_in(const json::object& object, std::string_view name) {
    static const json::object none;
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}
const json::array& array_in(const json::object& object, std::string_view name) {
    static const json::array none;
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}

namespace {

std::string line(std::string text) { return std::move(text) + "\n"; }

std::string local_name(const json::object& contact) { return harmless(text_in(contact, "localDisplayName")); }

/// "ann (Ann Lee)"
std::string full_name(const json::object& contact, const style& colours) {
    const auto full = harmless(text_in(object_in(contact, "profile"), "fullName"));
    const auto name = local_name(contact);
    return colours.name(name) + (full.empty() || full == name ? "" : " (" + full + ")");
}

std::string quoted_name(const std::string& name) {
    return name.find(' ') == std::string::npos ? "@" + name : "@'" + name + "'";
}

/// One line break and the indent instead of each line break.
std::string indented(const std::string& text, std::size_t indent) {
    std::string out;
    for (const char c : text) {
        out.push_back(c);
        if (c == '\n') out.append(indent, ' ');
    }
    return out;
}

std::string colour_code(std::string_view name) {
    constexpr std::string_view names[] = {"black", "red",     "green", "yellow",
                                          "blue",  "magenta", "cyan",  "white"};
    const auto* found = std::ranges::find(names, name);
    return found == std::end(names) ? "0" : "3" + std::to_string(found - std::begin(names));
}

std::string formatted_piece(const json::object& piece, const style& colours) {
    auto text = harmless(text_in(piece, "text"));
    const auto& format = object_in(piece, "format");
    const auto type = text_in(format, "type");
    if (type == "bold") return colours.wrap("1", text);
    if (type == "italic") return colours.wrap("3", text);
    if (type == "strikeThrough") return colours.wrap("9", text);
    if (type == "snippet") return colours.wrap("7", text);
    if (type == "secret") return colours.wrap("8", text);
    if (type == "colored") return colours.wrap(colour_code(text_in(format, "color")), text);
    if (type == "mention" || type == "command") return colours.name(text);
    if (!type.empty()) return colours.link(text);
    return text;
}

/// The text of an item: with colours its markdown as it is meant, without them as it was written.
std::string item_text(const json::object& item, const style& colours) {
    const auto& pieces = array_in(item, "formattedText");
    if (!colours.coloured() || pieces.empty()) return harmless(text_in(object_in(item, "meta"), "itemText"));
    std::string out;
    for (const auto& piece : pieces)
        if (piece.is_object()) out += formatted_piece(piece.get_object(), colours);
    return out;
}

/// "700 bytes", "1.1 KiB"
std::string size_text(std::int64_t bytes) {
    constexpr const char* units[] = {"KiB", "MiB", "GiB"};
    if (bytes < 1024) return std::to_string(bytes) + " bytes";
    std::size_t unit = 0;
    std::int64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
    for (; tenths >= 10'240 && unit + 1 < std::size(units); ++unit) tenths /= 1024;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + units[unit];
}

/// What somebody offers that this messenger cannot take; empty: nothing.
std::string offer_text(const json::object& item) {
    if (text_in(object_in(item, "content"), "type") == "rcvGroupInvitation")
        return "groups cannot be joined so far";
    const auto& file = object_in(item, "file");
    if (file.empty()) return {};
    const auto* size = file.if_contains("fileSize");
    return "sends file " + harmless(text_in(file, "fileName")) + " (" +
           size_text(size != nullptr && size->is_int64() ? size->get_int64() : 0) +
           "); files cannot be received so far";
}

std::string quote_line(const json::object& item, std::size_t indent) {
    const auto& quoted = object_in(item, "quotedItem");
    if (quoted.empty()) return {};
    auto text = harmless(text_in(object_in(quoted, "content"), "text"));
    if (const auto end = text.find('\n'); end != std::string::npos) text = text.substr(0, end) + "...";
    const bool own = text_in(object_in(quoted, "chatDir"), "type") == "directSnd";
    return (own ? "> you: " : "> ") + text + "\n" + std::string(indent, ' ');
}

/// "ann> hello", "@ann hello"; `note` stands before the text.
std::string item_line(const json::object& in_chat, const style& colours, std::string_view note = {}) {
    const auto& item = object_in(in_chat, "chatItem");
    const auto name = local_name(object_in(object_in(in_chat, "chatInfo"), "contact"));
    const bool sent = text_in(object_in(item, "chatDir"), "type") == "directSnd";
    const auto plain_head = sent ? quoted_name(name) + " " : name + "> ";
    const auto head = sent ? colours.own_name(quoted_name(name)) + " " : colours.name(name + ">") + " ";
    const auto indent = columns(plain_head);
    std::string mark;
    if (object_in(item, "meta").contains("itemDeleted")) mark = "[deleted] ";
    if (!note.empty()) mark = "[" + std::string(note) + "] ";
    std::string text = colours.dim(quote_line(item, indent)) + colours.dim(mark) +
                       indented(item_text(item, colours), indent);
    if (const auto offer = sent ? std::string() : offer_text(item); !offer.empty()) {
        if (!text_in(object_in(item, "meta"), "itemText").empty()) text += "\n" + std::string(indent, ' ');
        text += colours.dim(offer);
    }
    const auto status = text_in(object_in(object_in(item, "meta"), "itemStatus"), "type");
    if (status.starts_with("sndError")) text += colours.bad(" [not sent]");
    return line(head + text);
}

std::string show_items(const json::object& told, const style& colours) {
    std::string out;
    for (const auto& one : array_in(told, "chatItems")) {
        if (!one.is_object()) continue;
        // Told by an event of its own.
        if (text_in(object_in(object_in(one.get_object(), "chatItem"), "content"), "type") ==
                "rcvDirectEvent" &&
            text_in(told, "type") == "newChatItems")
            continue;
        out += item_line(one.get_object(), colours);
    }
    return out;
}

std::string show_invitation(const json::object& answer, const view_options& options) {
    const auto& links = object_in(answer, "connLinkInvitation");
    const auto short_link = harmless(text_in(links, "connShortLink"));
    const auto full_link = harmless(text_in(links, "connFullLink"));
    const auto& best = short_link.empty() ? full_link : short_link;
    std::string out = line("One-time invitation, for one person only. Send them this link:") + "\n" +
                      line(options.colours.link(best)) + "\n";
    if (options.qr_codes) out += qr_code(best) + "\n";
    if (!short_link.empty())
        out += line(options.colours.dim("For apps that know no short links:")) + line(full_link) + "\n";
    out += line(options.colours.dim("They join with: /c LINK"));
    return out;
}

std::string show_contacts(const json::object& answer, const style& colours) {
    const auto& contacts = array_in(answer, "contacts");
    if (contacts.empty()) return line("No contacts yet. /c makes a link to invite somebody, /c LINK joins.");
    std::string out;
    for (const auto& one : contacts) {
        if (!one.is_object()) continue;
        const auto& contact = one.get_object();
        std::string state;
        if (text_in(contact, "contactStatus") == "deleted")
            state = " (deleted the contact with you)";
        else if (text_in(object_in(contact, "activeConn"), "connStatus") != "ready")
            state = " (connecting)";
        out += line(full_name(contact, colours) + colours.dim(state));
    }
    return out;
}

std::string show_statuses(const json::object& told, const style& colours) {
    std::string out;
    for (const auto& one : array_in(told, "chatItems")) {
        if (!one.is_object()) continue;
        const auto& item = object_in(one.get_object(), "chatItem");
        const auto& status = object_in(object_in(item, "meta"), "itemStatus");
        const auto type = text_in(status, "type");
        const auto name = local_name(object_in(object_in(one.get_object(), "chatInfo"), "contact"));
        if (type == "sndErrorAuth")
            out += line(colours.bad("not sent to " + name + ": the contact is gone from the server"));
        else if (type == "sndError")
            out += line(colours.bad("not sent to " + name + ": " +
                                    harmless(text_in(object_in(status, "agentError"), "sndError"))));
    }
    return out;
}

std::string show_user(const json::object& answer, const style& colours) {
    const auto& user = object_in(answer, "user");
    return line("You are " + full_name(user, colours) + ".");
}

std::string show_reaction(const json::object& told, const style& colours) {
    const auto& reaction = object_in(told, "reaction");
    const auto& inside = object_in(reaction, "chatReaction");
    const auto name = local_name(object_in(object_in(reaction, "chatInfo"), "contact"));
    auto emoji = harmless(text_in(object_in(inside, "reaction"), "emoji"));
    if (emoji.empty()) emoji = "?";
    const auto* added = told.if_contains("added");
    const bool plus = added != nullptr && added->is_bool() && added->get_bool();
    auto text = harmless(text_in(object_in(object_in(inside, "chatItem"), "meta"), "itemText"));
    if (const auto end = text.find('\n'); end != std::string::npos) text = text.substr(0, end) + "...";
    return line(colours.name(name + ">") + " " + colours.dim("> " + text) + " " + (plus ? "+ " : "- ") +
                emoji);
}

std::string show_deletions(const json::object& told, const style& colours) {
    std::string out;
    for (const auto& one : array_in(told, "chatItemDeletions"))
        if (one.is_object())
            out += item_line(object_in(one.get_object(), "deletedChatItem"), colours, "deleted");
    return out;
}

/// What answers and events have in common.
std::string show(const json::object& told, const view_options& options) {
    const auto& colours = options.colours;
    const auto type = text_in(told, "type");
    const auto& contact = object_in(told, "contact");
    const auto host = harmless(text_in(told, "transportHost"));
    const auto why = harmless(text_in(told, "message"));
    if (type == "newChatItems" || type == "chatItems") return show_items(told, colours);
    if (type == "chatItemUpdated") return item_line(object_in(told, "chatItem"), colours, "edited");
    if (type == "chatItemsDeleted") return show_deletions(told, colours);
    if (type == "chatItemReaction") return show_reaction(told, colours);
    if (type == "chatItemsStatusesUpdated") return show_statuses(told, colours);
    if (type == "invitation") return show_invitation(told, options);
    if (type == "sentConfirmation") return line("Joining: waiting for the other side to answer.");
    if (type == "contactConnecting") return line(full_name(contact, colours) + ": contact is connecting");
    if (type == "contactConnected")
        return line(full_name(contact, colours) + colours.good(": contact is connected")) +
               line(colours.dim("write: " + quoted_name(local_name(contact)) + " your text"));
    if (type == "contactDeleted") return line(full_name(contact, colours) + ": contact is deleted");
    if (type == "contactDeletedByContact")
        return line(full_name(contact, colours) + ": deleted the contact with you; /delete " +
                    quoted_name(local_name(contact)) + " removes it here too");
    if (type == "contactUpdated") {
        // Most of a profile, such as what the contact allows, is not shown here.
        if (full_name(object_in(told, "fromContact"), {}) == full_name(object_in(told, "toContact"), {}))
            return {};
        return line(full_name(object_in(told, "fromContact"), colours) + " is now " +
                    full_name(object_in(told, "toContact"), colours));
    }
    if (type == "contactsList") return show_contacts(told, colours);
    if (type == "activeUser") return show_user(told, colours);
    if (type == "contactCode")
        return line("Security code with " + full_name(contact, colours) + ", the same on both sides:") +
               line(harmless(text_in(told, "connectionCode")));
    if (type == "hostConnected") return line(colours.dim("connected to server " + host));
    if (type == "hostDisconnected")
        return line(colours.dim("disconnected from server " + host + (why.empty() ? "" : ": " + why)));
    if (type == "databaseWorks") return line(colours.good("the database can be written again"));
    if (type == "networkConfig") return show_network(told, colours);
    if (type == "networkProxy") return show_proxy(object_in(told, "proxy"), colours);
    if (type == "chatHelp") return help_text(colours);
    if (type == "versionInfo") return line("plexus " + text_in(object_in(told, "versionInfo"), "version"));
    return {};
}

} // namespace

std::string error_text(const json::object& answer) {
    const auto type = text_in(answer, "type");
    if (type != "chatCmdError" && type != "chatError") return {};
    const auto& failure = object_in(answer, "chatError");
    auto sentence = harmless(text_in(failure, "message"));
    if (!sentence.empty()) return sentence;
    const auto& store = object_in(failure, "storeError");
    const auto store_type = text_in(store, "type");
    if (store_type == "contactNotFoundByName")
        return "there is no contact " + harmless(text_in(store, "contactName")) + "; /contacts lists them";
    if (store_type == "contactNotFound") return "there is no contact with that number; /contacts lists them";
    const auto& error_type = object_in(failure, "errorType");
    const auto name = text_in(error_type, "type");
    const auto contact = local_name(object_in(error_type, "contact"));
    if (name == "commandError") return harmless(text_in(error_type, "message"));
    if (name == "noActiveUser") return "there is no user profile yet; make one with: /create user NAME";
    if (name == "userExists")
        return "this database belongs to " + harmless(text_in(error_type, "contactName"));
    if (name == "contactNotReady")
        return contact + " is not connected yet; try again when the contact is connected";
    if (name == "contactNotActive") return contact + " deleted the contact with you";
    return "it failed: " + harmless(json::serialize(failure));
}

std::string show_event(const json::object& event, const view_options& options) {
    if (const auto failure = error_text(event); !failure.empty()) return line(options.colours.bad(failure));
    return show(event, options);
}

std::string show_answer(const json::object& answer, const view_options& options) {
    if (const auto failure = error_text(answer); !failure.empty()) return line(options.colours.bad(failure));
    auto lines = show(answer, options);
    // What only bots ask for is answered as bots read it.
    const auto type = text_in(answer, "type");
    if (lines.empty() && type != "chatItems" && type != "newChatItems")
        return line(harmless(json::serialize(answer)));
    return lines;
}

std::string help_text(const style& colours) {
    struct row {
        std::string_view command, meaning;
    };
    constexpr row rows[] = {
        {"/c", "make a one-time link to invite somebody"},
        {"/c LINK", "join by the link that somebody sent you"},
        {"@name text", "send a message; a name with spaces is @'a name'"},
        {"/contacts", "list contacts"},
        {"/tail [@name] [count]", "show the last messages"},
        {"/code @name", "show the security code, to compare it"},
        {"/delete @name", "delete a contact and its messages"},
        {"/user", "show your name"},
        {"/network", "show how servers are reached, and how each fares"},
        {"/network socks=on|off", "reach servers through a SOCKS proxy, or not; also an address, and more"},
        {"/network renew", "take new circuits through the proxy"},
        {"/version", "show the version"},
        {"/help", "show this"},
        {"/quit", "end the program"},
    };
    std::string out;
    for (const auto& one : rows) {
        std::string command(one.command);
        command.resize(24, ' ');
        out += "  " + colours.name(command) + std::string(one.meaning) + "\n";
    }
    return out;
}

} // namespace plexus::ui_terminal
