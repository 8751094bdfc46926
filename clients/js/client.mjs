// Made by tools/make_clients.py from /openapi.json; not edited by hand.
import { Http } from "./http.mjs";
export { AkinError } from "./http.mjs";

const part = encodeURIComponent;

/** A server; each method is one route. Fields that are undefined are not sent. */
export class Akin extends Http {
  listCollections(options = {}) {
    return this.ask("GET", "/v1/collections", { query: { limit: options["limit"], cursor: options["cursor"] } });
  }
  createCollection(body, options = {}) {
    return this.ask("POST", "/v1/collections", { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  getCollection(collection) {
    return this.ask("GET", `/v1/collections/${part(collection)}`);
  }
  updateCollection(collection, body) {
    return this.ask("PATCH", `/v1/collections/${part(collection)}`, { body, media: "application/merge-patch+json" });
  }
  deleteCollection(collection) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}`);
  }
  listAliases(options = {}) {
    return this.ask("GET", "/v1/aliases", { query: { limit: options["limit"], cursor: options["cursor"] } });
  }
  swapAliases(body, options = {}) {
    return this.ask("POST", "/v1/aliases:swap", { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  getAlias(alias) {
    return this.ask("GET", `/v1/aliases/${part(alias)}`);
  }
  putAlias(alias, body) {
    return this.ask("PUT", `/v1/aliases/${part(alias)}`, { body });
  }
  deleteAlias(alias) {
    return this.ask("DELETE", `/v1/aliases/${part(alias)}`);
  }
  listEmbeddingVersions(collection) {
    return this.ask("GET", `/v1/collections/${part(collection)}/embedding-versions`);
  }
  createEmbeddingVersion(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/embedding-versions`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  rollbackEmbeddingVersion(collection, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/embedding-versions:rollback`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  getEmbeddingVersion(collection, version) {
    return this.ask("GET", `/v1/collections/${part(collection)}/embedding-versions/${part(version)}`);
  }
  deleteEmbeddingVersion(collection, version) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/embedding-versions/${part(version)}`);
  }
  promoteEmbeddingVersion(collection, version, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/embedding-versions/${part(version)}:promote`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  compareEmbeddingVersion(collection, version, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/embedding-versions/${part(version)}:compare`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  listRecommenders(collection) {
    return this.ask("GET", `/v1/collections/${part(collection)}/recommenders`);
  }
  trainRecommender(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommenders:train`, { query: { wait: options["wait"] }, headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  rollbackRecommender(collection, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommenders:rollback`, { query: { label: options["label"] }, headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  getRecommender(collection, recommender) {
    return this.ask("GET", `/v1/collections/${part(collection)}/recommenders/${part(recommender)}`);
  }
  deleteRecommender(collection, recommender) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/recommenders/${part(recommender)}`);
  }
  promoteRecommender(collection, recommender, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommenders/${part(recommender)}:promote`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  retireRecommender(collection, recommender, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommenders/${part(recommender)}:retire`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  listTasks(options = {}) {
    return this.ask("GET", "/v1/tasks", { query: { limit: options["limit"], cursor: options["cursor"] } });
  }
  getTask(task, options = {}) {
    return this.ask("GET", `/v1/tasks/${part(task)}`, { query: { wait: options["wait"] } });
  }
  cancelTask(task, options = {}) {
    return this.ask("POST", `/v1/tasks/${part(task)}:cancel`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  listDocuments(collection, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/documents`, { query: { limit: options["limit"], cursor: options["cursor"], filter: options["filter"], offset: options["offset"] }, headers: { "Akin-Min-Position": options["Akin-Min-Position"] } });
  }
  addDocuments(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/documents`, { query: { atomic: options["atomic"], async: options["async"] }, headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  deleteDocuments(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/documents:delete`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  getDocuments(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/documents:get`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  getDocument(collection, id, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/documents/${part(id)}`, { headers: { "If-None-Match": options["If-None-Match"], "Akin-Min-Position": options["Akin-Min-Position"] } });
  }
  putDocument(collection, id, body, options = {}) {
    return this.ask("PUT", `/v1/collections/${part(collection)}/documents/${part(id)}`, { query: { async: options["async"] }, headers: { "If-Match": options["If-Match"], "If-None-Match": options["If-None-Match"] }, body });
  }
  patchDocument(collection, id, body, options = {}) {
    return this.ask("PATCH", `/v1/collections/${part(collection)}/documents/${part(id)}`, { query: { async: options["async"] }, headers: { "If-Match": options["If-Match"] }, body, media: "application/merge-patch+json" });
  }
  deleteDocument(collection, id, options = {}) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/documents/${part(id)}`, { headers: { "If-Match": options["If-Match"] } });
  }
  search(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/search`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  multiSearch(body, options = {}) {
    return this.ask("POST", "/v1/multi-search", { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  similar(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/similar`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  classify(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/classify`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  facet(collection, field, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/facets/${part(field)}`, { query: { filter: options["filter"], q: options["q"], limit: options["limit"], duplicates: options["duplicates"], stats: options["stats"] }, headers: { "Akin-Min-Position": options["Akin-Min-Position"] } });
  }
  recommend(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommend`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  recommendBatch(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/recommend:batch`, { headers: { "Akin-Min-Position": options["Akin-Min-Position"] }, body });
  }
  documentReaders(collection, id, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/documents/${part(id)}/readers`, { query: { limit: options["limit"], include_seen: options["include_seen"], active_days: options["active_days"] }, headers: { "Akin-Min-Position": options["Akin-Min-Position"] } });
  }
  addFeedback(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/feedback`, { query: { atomic: options["atomic"], create: options["create"] }, headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  listFeedback(collection, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/feedback`, { query: { limit: options["limit"], cursor: options["cursor"], user: options["user"], document: options["document"] } });
  }
  putUser(collection, id, body) {
    return this.ask("PUT", `/v1/collections/${part(collection)}/users/${part(id)}`, { body });
  }
  getUser(collection, id) {
    return this.ask("GET", `/v1/collections/${part(collection)}/users/${part(id)}`);
  }
  deleteUser(collection, id) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/users/${part(id)}`);
  }
  exportUser(collection, id, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/users/${part(id)}:export`, { query: { limit: options["limit"], cursor: options["cursor"] } });
  }
  userRecommendations(collection, id, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/users/${part(id)}/recommendations`, { query: { filter: options["filter"], limit: options["limit"], exclude: options["exclude"], exclude_seen: options["exclude_seen"], min_relevance: options["min_relevance"], pins: options["pins"], caps: options["caps"], boosts: options["boosts"], freshness: options["freshness"], fatigue: options["fatigue"], diversity: options["diversity"], explore: options["explore"], blend: options["blend"], ranker: options["ranker"], scenario: options["scenario"], fields: options["fields"], explain: options["explain"], offset: options["offset"], cursor: options["cursor"] }, headers: { "Akin-Min-Position": options["Akin-Min-Position"] } });
  }
  listExperiments(collection) {
    return this.ask("GET", `/v1/collections/${part(collection)}/experiments`);
  }
  createExperiment(collection, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/experiments`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  getExperiment(collection, experiment) {
    return this.ask("GET", `/v1/collections/${part(collection)}/experiments/${part(experiment)}`);
  }
  putExperiment(collection, experiment, body) {
    return this.ask("PUT", `/v1/collections/${part(collection)}/experiments/${part(experiment)}`, { body });
  }
  deleteExperiment(collection, experiment) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/experiments/${part(experiment)}`);
  }
  startExperiment(collection, experiment, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/experiments/${part(experiment)}:start`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  stopExperiment(collection, experiment, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/experiments/${part(experiment)}:stop`, { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  recommendationStats(collection, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/recommendations/stats`, { query: { by: options["by"], from: options["from"], to: options["to"] } });
  }
  recommendationEstimate(collection, options = {}) {
    return this.ask("GET", `/v1/collections/${part(collection)}/recommendations/estimate`, { query: { recommender: options["recommender"], blend: options["blend"], scenario: options["scenario"], filter: options["filter"], metric: options["metric"], from: options["from"], to: options["to"] } });
  }
  listScoreSources(collection) {
    return this.ask("GET", `/v1/collections/${part(collection)}/scores`);
  }
  uploadScores(collection, source, body, options = {}) {
    return this.ask("POST", `/v1/collections/${part(collection)}/scores/${part(source)}`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  deleteScoreSource(collection, source) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/scores/${part(source)}`);
  }
  getScoresOfAll(collection, source) {
    return this.ask("GET", `/v1/collections/${part(collection)}/scores/${part(source)}/all`);
  }
  putScoresOfAll(collection, source, body) {
    return this.ask("PUT", `/v1/collections/${part(collection)}/scores/${part(source)}/all`, { body });
  }
  deleteScoresOfAll(collection, source) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/scores/${part(source)}/all`);
  }
  getScoresOfUser(collection, source, id) {
    return this.ask("GET", `/v1/collections/${part(collection)}/scores/${part(source)}/users/${part(id)}`);
  }
  putScoresOfUser(collection, source, id, body) {
    return this.ask("PUT", `/v1/collections/${part(collection)}/scores/${part(source)}/users/${part(id)}`, { body });
  }
  deleteScoresOfUser(collection, source, id) {
    return this.ask("DELETE", `/v1/collections/${part(collection)}/scores/${part(source)}/users/${part(id)}`);
  }
  createEmbeddings(body) {
    return this.ask("POST", "/v1/embeddings", { body });
  }
  listModels() {
    return this.ask("GET", "/v1/models");
  }
  getModel(model) {
    return this.ask("GET", `/v1/models/${part(model)}`);
  }
  embedAtRoot(body) {
    return this.ask("POST", "/", { body });
  }
  embed(body) {
    return this.ask("POST", "/embed", { body });
  }
  embedAll(body) {
    return this.ask("POST", "/embed_all", { body });
  }
  similarity(body) {
    return this.ask("POST", "/similarity", { body });
  }
  tokenize(body) {
    return this.ask("POST", "/tokenize", { body });
  }
  decode(body) {
    return this.ask("POST", "/decode", { body });
  }
  info() {
    return this.ask("GET", "/info");
  }
  health() {
    return this.ask("GET", "/health");
  }
  mcp(body) {
    return this.ask("POST", "/mcp", { body });
  }
  listChanges(options = {}) {
    return this.ask("GET", "/v1/changes", { query: { cursor: options["cursor"], limit: options["limit"] } });
  }
  listKeys(options = {}) {
    return this.ask("GET", "/v1/keys", { query: { limit: options["limit"], cursor: options["cursor"] } });
  }
  createKey(body, options = {}) {
    return this.ask("POST", "/v1/keys", { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  getKey(key) {
    return this.ask("GET", `/v1/keys/${part(key)}`);
  }
  updateKey(key, body) {
    return this.ask("PATCH", `/v1/keys/${part(key)}`, { body, media: "application/merge-patch+json" });
  }
  deleteKey(key) {
    return this.ask("DELETE", `/v1/keys/${part(key)}`);
  }
  rotateKey(key, body, options = {}) {
    return this.ask("POST", `/v1/keys/${part(key)}:rotate`, { headers: { "Idempotency-Key": options["Idempotency-Key"] }, body });
  }
  createBackup(options = {}) {
    return this.ask("POST", "/v1/backups", { headers: { "Idempotency-Key": options["Idempotency-Key"] } });
  }
  createCheck() {
    return this.ask("POST", "/v1/checks");
  }
  live() {
    return this.ask("GET", "/livez");
  }
  ready() {
    return this.ask("GET", "/readyz");
  }
  metrics() {
    return this.ask("GET", "/metrics");
  }
  version() {
    return this.ask("GET", "/version");
  }
}
