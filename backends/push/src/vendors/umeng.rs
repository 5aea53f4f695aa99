//! Umeng (U-Push): one request for each device, signed by an MD5 of the exact bytes.
//!
//! A failure inside of an answer with status 200 is a failure.

use comet_dtalk::clock;
use comet_dtalk::message::Device;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{VendorError, address, base, given};
use crate::http::{Http, Trust, Version};
use crate::push::Push;
use crate::secret::Secret;
use crate::vendor::{Outcome, PushVendor, Sending};

/// Seconds by which times in requests are ahead of UTC.
const ZONE: u64 = 8 * 3_600;

/// Umeng, for the devices of one type.
#[derive(Debug)]
pub struct Umeng {
    http: Http,
    app: App,
}

/// App at Umeng; it has one for each type of device.
#[derive(Debug)]
struct App {
    /// As it is a part of what is signed.
    base: String,
    key: String,
    secret: Secret,
    /// Activity that vendors of phones open; of Android.
    activity: String,
    is_production: bool,
}

#[derive(Deserialize)]
struct Answer {
    ret: String,
    #[serde(default)]
    data: Failure,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    error_code: Value,
}

impl Umeng {
    /// Address by default.
    pub const URL: &str = "https://msgapi.umeng.com";

    /// The app with this key and secret at `url`; `activity` is opened on Android phones of vendors
    /// with a service of their own.
    ///
    /// # Errors
    ///
    /// [`VendorError::Url`], [`VendorError::Missing`].
    pub fn new(
        url: &str,
        (key, secret): (String, Secret),
        activity: String,
        is_production: bool,
        trust: &Trust,
    ) -> Result<Self, VendorError> {
        let key = given(key, "app_key")?;
        if secret.expose().is_empty() {
            return Err(VendorError::Missing("master_secret"));
        }
        let app = App { base: base(url)?, key, secret, activity, is_production };
        Ok(Self { http: Http::new(trust, Version::Any), app })
    }

    async fn post(&self, push: &Push) -> Outcome {
        let body = self.app.body(push, clock::unix().as_secs()).to_string();
        let Ok(uri) = self.app.uri(&body) else { return Outcome::later("no address") };
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = match self.http.post(&uri, vec![json], body.into()).await {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        match serde_json::from_slice::<Answer>(&answer.body) {
            Ok(Answer { ret, .. }) if answer.status == 200 && ret == "SUCCESS" => Outcome::Sent,
            _ if answer.status == 429 || answer.status >= 500 => answer.later(""),
            Ok(Answer { ret, data }) => {
                answer.refused(&format!("{ret} {}", data.error_code).replace('"', ""))
            }
            Err(_) => answer.refused("without a result"),
        }
    }
}

impl App {
    fn uri(&self, body: &str) -> Result<Uri, VendorError> {
        address(&format!("{}/api/send?sign={}", self.base, self.sign(body)))
    }

    fn sign(&self, body: &str) -> String {
        let Self { base, secret, .. } = self;
        let text = format!("POST{base}/api/send{body}{}", secret.expose());
        base16ct::lower::encode_string(&Md5::digest(text))
    }

    /// The request, whose keys are sorted.
    fn body(&self, push: &Push, now: u64) -> Value {
        let mut body = json!({
            "appkey": self.key,
            "timestamp": now.to_string(),
            "type": "unicast",
            "device_tokens": push.token.get(),
            "production_mode": self.is_production,
            "policy": { "expire_time": in_china(push.expires()) },
        });
        let channel = (push.conversation.channel() as i32).to_string();
        let address = push.conversation.address();
        if push.device == Device::Ios {
            body["payload"] = json!({
                "aps": {
                    "alert": { "title": push.title, "body": &*push.text },
                    "sound": "default",
                },
                "address": address,
                "channelType": channel,
            });
        } else {
            body["mipush"] = true.into();
            body["mi_activity"] = self.activity.clone().into();
            body["payload"] = json!({
                "display_type": "notification",
                "body": {
                    "title": push.title,
                    "text": &*push.text,
                    "after_open": "go_custom",
                    "custom": "",
                },
                "extra": { "address": address, "channelType": channel },
            });
        }
        body
    }
}

impl PushVendor for Umeng {
    fn name(&self) -> &'static str {
        "umeng"
    }

    fn send<'a>(&'a self, pushes: &'a [Push]) -> Sending<'a> {
        Box::pin(async {
            match pushes.first() {
                Some(push) => self.post(push).await,
                None => Outcome::Sent,
            }
        })
    }
}

/// Unix seconds as a clock in China shows them.
fn in_china(seconds: u64) -> String {
    let seconds = seconds + ZONE;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = crate::date::date(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{Conversation, Token};

    fn app() -> App {
        App {
            base: "http://msg.umeng.com".into(),
            key: "demoAppKey".into(),
            secret: "demoMasterSecret".into(),
            activity: "com.example.MiActivity".into(),
            is_production: false,
        }
    }

    fn push(device: Device) -> Push {
        Push {
            user: "bob".into(),
            device,
            token: Token::new("demoToken").unwrap(),
            login: 1,
            conversation: Conversation::User("1Demo".into()),
            from: "1Demo".into(),
            message: 1,
            count: 1,
            title: "a".into(),
            text: "t".into(),
            expires_ms: 1_745_370_543_000,
        }
    }

    /// From the specification.
    const BODY: &str = concat!(
        r#"{"appkey":"demoAppKey","device_tokens":"demoToken","#,
        r#""mi_activity":"com.example.MiActivity","mipush":true,"payload":{"body":{"#,
        r#""after_open":"go_custom","custom":"","text":"t","title":"a"},"#,
        r#""display_type":"notification","extra":{"address":"1Demo","channelType":"0"}},"#,
        r#""policy":{"expire_time":"2025-04-23 09:09:03"},"production_mode":false,"#,
        r#""timestamp":"1745370123","type":"unicast"}"#,
    );

    #[test]
    fn a_push_to_android_is_the_specified_bytes_with_the_specified_signature() {
        let body = app().body(&push(Device::Android), 1_745_370_123).to_string();
        assert_eq!(body, BODY);
        let uri = app().uri(&body).unwrap().to_string();
        let signed = "http://msg.umeng.com/api/send?sign=9e407dc11e808d578d276812a142ab0e";
        assert_eq!(uri, signed);
    }

    #[test]
    fn a_push_to_ios_has_an_alert() {
        let group = Conversation::Group(77);
        let push = Push { conversation: group, ..push(Device::Ios) };
        let body = App { is_production: true, ..app() }.body(&push, 5);
        let expected = json!({
            "aps": { "alert": { "title": "a", "body": "t" }, "sound": "default" },
            "address": "77",
            "channelType": "1",
        });
        assert_eq!((&body["payload"], &body["production_mode"]), (&expected, &json!(true)));
        assert_eq!((body.get("mipush"), body.get("mi_activity")), (None, None));
    }

    #[test]
    fn times_are_those_of_china() {
        assert_eq!(in_china(0), "1970-01-01 08:00:00");
        assert_eq!(in_china(1_709_222_399), "2024-02-29 23:59:59");
        assert_eq!(in_china(1_709_222_400), "2024-03-01 00:00:00");
    }

    #[test]
    fn what_is_needed_must_be_given() {
        let trust = Trust::load(None).unwrap();
        let new = |url, key: &str, secret: &str| {
            let keys = (key.to_owned(), secret.into());
            Umeng::new(url, keys, String::new(), true, &trust).map(|_| ()).unwrap_err()
        };
        assert_eq!(new(Umeng::URL, "", "s"), VendorError::Missing("app_key"));
        assert_eq!(new(Umeng::URL, "k", ""), VendorError::Missing("master_secret"));
        assert_eq!(new("msgapi.umeng.com", "k", "s"), VendorError::Url);
        let umeng = Umeng::new(Umeng::URL, ("k".into(), "hidden".into()), "a".into(), true, &trust);
        assert!(!format!("{umeng:?}").contains("hidden"));
    }
}
