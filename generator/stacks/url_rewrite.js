// Runs at the edge on every request for a page: a static export has files, and people type addresses.
//   /             -> /index.html
//   /result       -> /result.html
//   /result/      -> /result/index.html
//   /app/main.js  -> as it is
// `var` and no arrow functions: the oldest runtime of CloudFront Functions takes ECMAScript 5.1 only.
function handler(event) {
  var request = event.request;
  var uri = request.uri;
  var name = uri.substring(uri.lastIndexOf('/') + 1);
  if (name === '') {
    request.uri = uri + 'index.html';
  } else if (name.indexOf('.') === -1) {
    request.uri = uri + '.html';
  }
  return request;
}
