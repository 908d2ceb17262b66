/**
 * The RDFM test server judged by the shared facts, row by row (sections B.1 to B.5, B.7, C to F), and the proxy and the capture that tests
 * and benchmarks rest on. If the facts or the server change, this fails: they cannot drift apart.
 */
import "../servers/rdfm/spec/conventions";
import "../servers/rdfm/spec/authentication";
import "../servers/rdfm/spec/registration";
import "../servers/rdfm/spec/updates";
import "../servers/rdfm/spec/resolver";
import "../servers/rdfm/spec/downloads";
import "../servers/rdfm/spec/logs";
import "../servers/rdfm/spec/admin";
import "../servers/rdfm/spec/management";
import "../servers/rdfm/spec/actions";
import "../servers/rdfm/spec/shells";
import "../servers/rdfm/spec/files";
import "../servers/rdfm/spec/faults";
import "../servers/proxy/spec/behaviour";
import "../servers/proxy/spec/handshakes";
import "../capture/spec/measuring";
