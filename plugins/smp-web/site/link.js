// Shows the link that this page was opened with. All of it happens in the browser: the part behind the # is not sent.
"use strict";

// The forms of a link, from the parts of the page's address: what the app opens, and what is scanned and pasted.
function linkForms(pathname, hostname, host, hash) {
  var parts = pathname.split("/").filter(function (part) { return part !== ""; });
  var kind = parts.length > 0 ? parts[parts.length - 1] : "";
  var fragment = hash;
  if (kind.length === 1) { // a short link: the app has to know the server, too
    var found = /([?&])h=([^&]*)/.exec(hash);
    if (found) fragment = hash.replace(found[0], found[1] + "h=" + hostname + "," + found[2]);
    else fragment = hash + (hash.indexOf("?") < 0 ? "?" : "&") + "h=" + hostname;
  }
  return { app: "simplex:/" + kind + fragment, web: "https://" + host + "/" + kind + hash };
}

function drawQr(svg, text) {
  var code = qrCode(text);
  var border = 4;
  var path = "";
  for (var y = 0; y < code.size; y++)
    for (var x = 0; x < code.size; x++)
      if (code.dark(x, y)) path += "M" + (x + border) + "," + (y + border) + "h1v1h-1z";
  var size = code.size + 2 * border;
  svg.setAttribute("viewBox", "0 0 " + size + " " + size);
  svg.setAttribute("shape-rendering", "crispEdges");
  var drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("d", path);
  drawn.setAttribute("fill", "#000");
  while (svg.firstChild) svg.removeChild(svg.firstChild);
  svg.appendChild(drawn);
}

function showLink() {
  var place = document.location;
  if (place.hash.length < 2) return;
  var titles = { i: "One-time invitation", invitation: "One-time invitation", a: "Contact address",
    contact: "Contact address", c: "Channel", g: "Group", r: "Relay" };
  var forms = linkForms(place.pathname, place.hostname, place.host, place.hash);
  var kind = /[^/]*$/.exec(forms.web.split("#")[0])[0];
  if (titles[kind]) document.getElementById("title").textContent = titles[kind];
  document.getElementById("open").href = forms.app;
  document.getElementById("text").textContent = "/c " + forms.web;
  try {
    drawQr(document.getElementById("qr"), forms.web);
  } catch (tooLong) {
    document.getElementById("qr").setAttribute("hidden", "");
  }
  document.getElementById("link").hidden = false;
  document.getElementById("none").hidden = true;
}

if (typeof document !== "undefined") {
  showLink();
  window.addEventListener("hashchange", showLink);
}
