BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL,
	study_name VARCHAR(512) NOT NULL,
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'s');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL,
	direction VARCHAR(8) NOT NULL,
	study_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	PRIMARY KEY (study_direction_id),
	UNIQUE (study_id, objective),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_system_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_user_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'definition','{"space": {"optimizer.learning_rate": {"key": "optimizer.learning_rate", "domain": {"float": [1e-06, 0.001], "log": true}, "when": {}}, "optimizer": {"key": "optimizer", "domain": {"choice": ["adamw", "sgd"]}, "when": {}}, "optimizer.momentum": {"key": "optimizer.momentum", "domain": {"float": [0.5, 0.99], "log": false}, "when": {"optimizer": ["sgd"]}}}, "base": {"model": {"checkpoint": "tiny", "revision": null, "package": null, "max_length": 128, "dropout": 0.1}, "data": {"format": "csv", "package": null, "train": "train.csv", "validation": null, "name": null, "config": null, "revision": null, "delimiter": null, "quoting": null, "text": "text", "text_pair": null, "label": "label", "where": {}, "validation_fraction": 0.1, "train_examples": null, "validation_examples": null, "seed": 0}, "optimizer": {"name": "adamw", "learning_rate": 0.0001, "weight_decay": 0.01, "layer_decay": 1.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-08}, "schedule": {"name": "linear", "warmup_fraction": 0.1, "end_fraction": 0.0}, "training": {"batch_size": 16, "accumulation_steps": 1, "effective_batch_size": null, "epochs": 3.0, "evaluations": 10, "evaluation_share": 0.25, "interim_examples": null, "evaluation_batch_size": 64, "length_window": 1024, "devices": 1, "precision": "float32", "clip_norm": 1.0, "label_smoothing": 0.0, "class_weights": "none", "oversample": "none", "freeze_layers": 0, "reinit_layers": 0, "ema_decay": null, "rematerialize": false, "deterministic": false, "seed": 0}, "convergence": {"confidence": 0.99, "window": 0.34, "diverged_factor": 3.0, "learning_gain": 0.1, "memorised_level": 0.85, "oscillating_share": 0.3, "overfitting_share": 0.05, "improving_share": 0.1, "plateau_level": 0.7, "stop_diverged": true, "not_learning_patience": 0.5, "converged_patience": 0.3, "converged_gain": 0.05}}, "objectives": ["val_accuracy"], "constraints": {}, "options": {}, "contents": {}}');
INSERT INTO "study_user_attributes" VALUES(2,1,'made_with','{"tuner": "0.1.0", "code": "a61d5d52505e", "tensorflow": "2.21.0", "keras": "3.15.1", "keras-hub": "0.32.0", "tokenizers": "0.23.3", "numpy": "2.4.6", "optuna": "5.0.0"}');
INSERT INTO "study_user_attributes" VALUES(3,1,'run_with','{"tuner": "0.1.0", "code": "a61d5d52505e", "tensorflow": "2.21.0", "keras": "3.15.1", "keras-hub": "0.32.0", "tokenizers": "0.23.3", "numpy": "2.4.6", "optuna": "5.0.0"}');
INSERT INTO "study_user_attributes" VALUES(4,1,'study_id','"0ca733caf9294fe4beb6546581b2fbda"');
INSERT INTO "study_user_attributes" VALUES(5,1,'opened','2');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	heartbeat DATETIME NOT NULL,
	PRIMARY KEY (trial_heartbeat_id),
	UNIQUE (trial_id),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_heartbeats" VALUES(1,1,'2026-12-01 01:47:34.512000');
INSERT INTO "trial_heartbeats" VALUES(2,2,'2026-12-01 01:47:34.624000');
INSERT INTO "trial_heartbeats" VALUES(3,3,'2026-12-01 01:47:34.713000');
INSERT INTO "trial_heartbeats" VALUES(4,4,'2026-12-01 01:47:34.948000');
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	step INTEGER NOT NULL,
	intermediate_value FLOAT,
	intermediate_value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_intermediate_value_id),
	UNIQUE (trial_id, step),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,0.5,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,1,0.4,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,3,1,0.55,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,4,1,0.58,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL,
	trial_id INTEGER,
	param_name VARCHAR(512),
	param_value FLOAT,
	distribution_json TEXT,
	PRIMARY KEY (param_id),
	UNIQUE (trial_id, param_name),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'optimizer.learning_rate',0.0001,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-06, "high": 0.001, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "sgd"]}}');
INSERT INTO "trial_params" VALUES(3,2,'optimizer.learning_rate',3.0e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-06, "high": 0.001, "log": true}}');
INSERT INTO "trial_params" VALUES(4,2,'optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "sgd"]}}');
INSERT INTO "trial_params" VALUES(5,3,'optimizer.learning_rate',1.0e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-06, "high": 0.001, "log": true}}');
INSERT INTO "trial_params" VALUES(6,3,'optimizer',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "sgd"]}}');
INSERT INTO "trial_params" VALUES(7,3,'optimizer.momentum',0.9,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 0.99, "log": false}}');
INSERT INTO "trial_params" VALUES(8,4,'optimizer.learning_rate',2.0e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-06, "high": 0.001, "log": true}}');
INSERT INTO "trial_params" VALUES(9,4,'optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "sgd"]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_system_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"optimizer.learning_rate": 0.0001, "optimizer": "adamw"}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"optimizer.learning_rate": 3e-05}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"optimizer.learning_rate": 1e-05, "optimizer": "sgd", "optimizer.momentum": 0.9}');
INSERT INTO "trial_system_attributes" VALUES(4,4,'fixed_params','{"optimizer.learning_rate": 2e-05}');
INSERT INTO "trial_system_attributes" VALUES(5,5,'fixed_params','{"optimizer.learning_rate": 6e-05}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_user_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'configuration','"{\"optimizer\": \"adamw\", \"optimizer.learning_rate\": 0.0001}"');
INSERT INTO "trial_user_attributes" VALUES(2,3,'configuration','"{\"optimizer\": \"sgd\", \"optimizer.learning_rate\": 1e-05, \"optimizer.momentum\": 0.9}"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'owner','{"host": "old-host", "machine": "old-machine-1", "pid": 101, "started": 1.0, "ticks": 1, "agent": "oldagent0001"}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'attempt','1');
INSERT INTO "trial_user_attributes" VALUES(5,1,'parameters','{"optimizer.learning_rate": 0.0001, "optimizer": "adamw"}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'config','"config: 0"');
INSERT INTO "trial_user_attributes" VALUES(7,1,'crashes','0');
INSERT INTO "trial_user_attributes" VALUES(8,1,'outcome','{"number": 0, "state": "complete", "attempt": 1, "parameters": {"optimizer.learning_rate": 0.0001, "optimizer": "adamw"}, "value": 0.6, "measured": {}, "violated": [], "stopped_by": "", "guess": null, "last": null, "diagnosis": null, "seconds": 0.0, "seconds_busy": 0.0, "error": null, "provenance": {"mlflow_run": "", "git_commit": "", "cpu_threads": 0}, "model_error": null}');
INSERT INTO "trial_user_attributes" VALUES(9,2,'owner','{"host": "old-host", "machine": "old-machine-1", "pid": 101, "started": 1.0, "ticks": 1, "agent": "oldagent0001"}');
INSERT INTO "trial_user_attributes" VALUES(10,2,'attempt','1');
INSERT INTO "trial_user_attributes" VALUES(11,2,'configuration','"{\"optimizer\": \"adamw\", \"optimizer.learning_rate\": 3e-05}"');
INSERT INTO "trial_user_attributes" VALUES(12,2,'config','"config: 1"');
INSERT INTO "trial_user_attributes" VALUES(13,2,'crashes','0');
INSERT INTO "trial_user_attributes" VALUES(14,2,'outcome','{"number": 1, "state": "pruned", "attempt": 1, "parameters": {"optimizer.learning_rate": 3e-05, "optimizer": "adamw"}, "value": null, "measured": {}, "violated": [], "stopped_by": "", "guess": null, "last": null, "diagnosis": null, "seconds": 0.0, "seconds_busy": 0.0, "error": null, "provenance": {"mlflow_run": "", "git_commit": "", "cpu_threads": 0}, "model_error": null}');
INSERT INTO "trial_user_attributes" VALUES(15,3,'owner','{"host": "old-host", "machine": "old-machine-1", "pid": 101, "started": 1.0, "ticks": 1, "agent": "oldagent0001"}');
INSERT INTO "trial_user_attributes" VALUES(16,3,'attempt','1');
INSERT INTO "trial_user_attributes" VALUES(17,3,'config','"config: 2"');
INSERT INTO "trial_user_attributes" VALUES(18,3,'crashes','0');
INSERT INTO "trial_user_attributes" VALUES(19,4,'owner','null');
INSERT INTO "trial_user_attributes" VALUES(20,4,'attempt','1');
INSERT INTO "trial_user_attributes" VALUES(21,4,'configuration','"{\"optimizer\": \"adamw\", \"optimizer.learning_rate\": 2e-05}"');
INSERT INTO "trial_user_attributes" VALUES(22,4,'config','"config: 3"');
INSERT INTO "trial_user_attributes" VALUES(23,4,'crashes','0');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	value FLOAT,
	value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_value_id),
	UNIQUE (trial_id, objective),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.6,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,0.4,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL,
	number INTEGER,
	study_id INTEGER,
	state VARCHAR(8) NOT NULL,
	datetime_start DATETIME,
	datetime_complete DATETIME,
	PRIMARY KEY (trial_id),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-12-01 01:47:34.499780','2026-12-01 01:47:34.603413');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-12-01 01:47:34.617765','2026-12-01 01:47:34.698464');
INSERT INTO "trials" VALUES(3,2,1,'RUNNING','2026-12-01 01:47:34.710878',NULL);
INSERT INTO "trials" VALUES(4,3,1,'WAITING','2026-12-01 01:47:34.929166',NULL);
INSERT INTO "trials" VALUES(5,4,1,'WAITING',NULL,NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL,
	schema_version INTEGER,
	library_version VARCHAR(256),
	PRIMARY KEY (version_info_id),
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
